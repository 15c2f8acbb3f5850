"""PostgreSQL is restored from an earlier copy of its files; replaying the topics gives identical rows."""

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

# The vault is in no topic: it needs a backup of its own, and `paidan verify` reports its loss.
VAULT_TABLES = "every reference into the vault has an entry"
REPLAYED = {
    "dispatch": {
        "history": "case_id, version",
        "case_now": "case_id",
        "outcome": "id",
        "lane_city": "lane, city",
        "lane_release": "lane",
    },
    "scoring": {"fact": "case_id, assignment", "tally": "1, 2, 3, 4, 5, 6"},
}


async def dump_tables(installation: ChaosInstallation) -> dict[str, list[tuple[Any, ...]]]:
    """Return every row that replaying the topics must restore."""
    rows_by_table = {}
    for schema, tables in REPLAYED.items():
        async with installation.conn(schema) as conn:
            for table, order in tables.items():
                rows_by_table[table] = [
                    tuple(row) for row in await conn.fetch(f"SELECT * FROM {table} ORDER BY {order}")
                ]
    rows_by_table["tally"] = [row for row in rows_by_table["tally"] if row[-1] != 0]
    return rows_by_table


async def copy_database(installation: ChaosInstallation, source: Path, target: Path) -> None:
    """Copy the stopped server's files with their owners and modes."""
    await asyncio.to_thread(subprocess.run, ["rm", "-rf", str(target)], check=True)
    await asyncio.to_thread(subprocess.run, ["cp", "-a", str(source), str(target)], check=True)


@pytest.fixture
def installation_servers(short_session_servers: ServerAddresses, own_postgres: PostgresServer) -> ServerAddresses:
    """Return servers with a PostgreSQL whose files may be replaced."""
    return replace(short_session_servers, postgres=own_postgres.dsn)


async def test_restored_backup_replays_to_identical_rows_and_timers_fire_once(
    installation: ChaosInstallation, own_postgres: PostgresServer
) -> None:
    load = Load(installation, seed=6, answered_percent=40)
    data = own_postgres.data_folder
    assert data is not None
    backup = data.with_name("backup")
    await installation.start()
    async with load.responders():
        await load.send_reports(400, name="before")
    await wait_settled(installation)

    own_postgres.stop(timeout_s=30)
    await copy_database(installation, data, backup)
    own_postgres.start()
    await load.send_reports(300, name="after", alarms_of_4=0)
    await installation.advance_clock(20)
    await wait_settled(installation)
    before_replay = await dump_tables(installation)
    await installation.stop()
    own_postgres.stop(timeout_s=30)
    await copy_database(installation, backup, data)
    own_postgres.start()
    assert await dump_tables(installation) != before_replay
    # Timers set before the copy are due at once; that they have fired comes later in the topic.
    await installation.advance_clock(25)
    await installation.start()
    await wait_settled(installation)

    assert await dump_tables(installation) == before_replay
    logs = await audit_installation(installation, load, allowed_failures={VAULT_TABLES})
    fired = Counter(each["timer_id"] for each in logs.bodies("paidan.inbox") if each["type"] == "timer.due.v1")
    assert len(fired) > 20
    assert set(fired.values()) == {1}, "a timer fired twice"
    assert [claim.name for claim in (await installation.run_verification()).claims if not claim.holds] == [VAULT_TABLES]
    await asyncio.to_thread(subprocess.run, ["rm", "-rf", str(backup)], check=True)
