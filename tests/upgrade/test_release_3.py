"""Today's services take over an installation of release 3: cases in every state, clocks set, messages unpublished."""

from pathlib import Path
from typing import Final

import pytest

from paidan_contracts.inbox import RELEASE
from tests import servers as real
from tests.chaos.audit import audit_installation
from tests.chaos.wait_settled import wait_settled
from tests.upgrade.release import read_release
from tests.upgrade.takeover import prepare, restored_installation, start

pytestmark = pytest.mark.takes(seconds=20)

ARCHIVE: Final = Path(__file__).parent / "release_3" / "installation.tar.xz"
UNRELAYED: Final = "SELECT sum(seq - relayed_seq)::integer FROM lane"
CLOSED: Final = "SELECT count(*) FROM case_now WHERE status = 'closed'"
HISTORY: Final = "SELECT case_id, version, chain FROM history ORDER BY case_id, version"


async def test_current_services_continue_what_release_3_left(
    servers: real.ServerAddresses, topic_prefix: str, run_folder: Path
) -> None:
    """What it had not published is; its cases go on to their end, and what it decided stays as it is."""
    release = read_release(ARCHIVE)
    async with restored_installation(servers, topic_prefix, run_folder, release) as installation:
        assert await installation.fetch_value(UNRELAYED) > 150
        closed = await installation.fetch_value(CLOSED)
        async with installation.conn() as conn:
            decided = await conn.fetch(HISTORY)

        await prepare(installation)
        load = await start(installation, decided_by=3)
        await load.send_reports(20, name="new")
        await wait_settled(installation)
        await installation.advance_clock(45)
        async with load.responders():
            await wait_settled(installation)
        await audit_installation(installation, load)

        async with installation.conn() as conn:
            assert set(await conn.fetch(HISTORY)) > set(decided)
            assert {row["number"] for row in await conn.fetch("SELECT number FROM lane_release")} == {RELEASE}
        assert await installation.fetch_value(CLOSED) > closed + 30
