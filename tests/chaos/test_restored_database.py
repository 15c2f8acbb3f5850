"""PostgreSQL is put back to a copy of its files taken earlier; the log brings everything back, to the byte."""

import asyncio
import subprocess
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from paidan_deploy.servers.postgres import PostgresServer
from tests.chaos.audit import audit_installation
from tests.chaos.installation import ChaosInstallation
from tests.chaos.load import Load
from tests.chaos.wait_settled import wait_settled
from tests.servers import ServerAddresses

pytestmark = pytest.mark.takes(seconds=25)

# What no log holds is lost with the database: it has a backup of its own, and `paidan verify` tells of it.
VAULT_TABLES = "every reference into the vault leads somewhere"
REPLAYED = {
    "dispatch": {
        "history": "case_id, version",
        "case_now": "case_id",
        "outcome": "id",
        "timer": "case_id, kind",
        "lane_city": "lane, city",
    },
    "scoring": {"fact": "case_id, assignment", "tally": "1, 2, 3, 4, 5, 6"},
}


async def dump_tables(installation: ChaosInstallation) -> dict[str, list[tuple[Any, ...]]]:
    """Read all that the logs decide alone."""
    found = {}
    for schema, tables in REPLAYED.items():
        async with installation.conn(schema) as conn:
            for table, order in tables.items():
                found[table] = [tuple(row) for row in await conn.fetch(f"SELECT * FROM {table} ORDER BY {order}")]
    found["tally"] = [row for row in found["tally"] if row[-1] != 0]
    return found


async def copy_database(installation: ChaosInstallation, source: Path, target: Path) -> None:
    """Copy the stopped server's files, owners and all."""
    await asyncio.to_thread(subprocess.run, ["rm", "-rf", str(target)], check=True)
    await asyncio.to_thread(subprocess.run, ["cp", "-a", str(source), str(target)], check=True)


@pytest.fixture
def works_servers(hasty_servers: ServerAddresses, own_postgres: PostgresServer) -> ServerAddresses:
    """Give a PostgreSQL whose files may be put back."""
    return replace(hasty_servers, postgres=own_postgres.dsn)


async def test_restored_backup_replays_to_identical_rows_and_timers_fire_once(
    installation: ChaosInstallation, own_postgres: PostgresServer
) -> None:
    load = Load(installation, seed=6, answered_percent=40)
    data = own_postgres.data_folder
    assert data is not None
    earlier = data.with_name("earlier")
    await installation.start()
    async with load.staffed():
        await load.send_reports(400, name="before")
    await wait_settled(installation)

    own_postgres.stop(timeout_s=30)
    await copy_database(installation, data, earlier)
    own_postgres.start()
    await load.send_reports(300, name="after", alarms_of_4=0)
    await installation.advance_clock(20)
    await wait_settled(installation)
    before_replay = await dump_tables(installation)
    await installation.stop()
    own_postgres.stop(timeout_s=30)
    await copy_database(installation, earlier, data)
    own_postgres.start()
    assert await dump_tables(installation) != before_replay
    await installation.advance_clock(
        25
    )  # what was set before the copy is due at once; that it ran out stands further on in the log
    await installation.start()
    await wait_settled(installation)

    assert await dump_tables(installation) == before_replay
    logs = await audit_installation(installation, load, allowed_failures={VAULT_TABLES})
    fired = Counter(each["timer_id"] for each in logs.bodies("paidan.inbox") if each["type"] == "timer.due.v1")
    assert len(fired) > 20
    assert set(fired.values()) == {1}, "a clock ran out twice"
    assert [claim.name for claim in (await installation.run_verification()).claims if not claim.holds] == [VAULT_TABLES]
    await asyncio.to_thread(subprocess.run, ["rm", "-rf", str(earlier)], check=True)
