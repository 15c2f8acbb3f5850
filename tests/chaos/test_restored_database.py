"""PostgreSQL is put back to a copy of its files taken earlier; the log brings everything back, to the byte."""

import asyncio
import subprocess
from collections import Counter
from pathlib import Path
from typing import Any

from tests.chaos.audit import audit
from tests.chaos.installation import Works
from tests.chaos.load import Crowd
from tests.chaos.wait_settled import settled

# What no log holds is lost with the database: it has a backup of its own, and `paidan verify` tells of it.
VAULT = "every reference into the vault leads somewhere"
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


async def dump(works: Works) -> dict[str, list[tuple[Any, ...]]]:
    """Read all that the logs decide alone."""
    found = {}
    for schema, tables in REPLAYED.items():
        async with works.conn(schema) as conn:
            for table, order in tables.items():
                found[table] = [tuple(row) for row in await conn.fetch(f"SELECT * FROM {table} ORDER BY {order}")]
    found["tally"] = [row for row in found["tally"] if row[-1] != 0]
    return found


async def copied(works: Works, source: Path, target: Path) -> None:
    """Copy the stopped server's files, owners and all."""
    await asyncio.to_thread(subprocess.run, ["rm", "-rf", str(target)], check=True)
    await asyncio.to_thread(subprocess.run, ["cp", "-a", str(source), str(target)], check=True)


async def test_a_restored_copy_replays_to_the_same_bytes_and_no_clock_runs_out_twice(works: Works) -> None:
    crowd = Crowd(works, seed=6, answered=40)
    data = works.postgres.data
    assert data is not None
    earlier = data.with_name("earlier")
    await works.start()
    async with crowd.at_work():
        await crowd.report(400, name="before")
    await settled(works)

    works.postgres.stop(timeout_s=30)
    await copied(works, data, earlier)
    works.postgres.start()
    await crowd.report(300, name="after", alarms_of_4=0)
    await works.pass_time(20)
    await settled(works)
    lived = await dump(works)
    await works.stop()
    works.postgres.stop(timeout_s=30)
    await copied(works, earlier, data)
    works.postgres.start()
    assert await dump(works) != lived
    await works.pass_time(
        25
    )  # what was set before the copy is due at once; that it ran out stands further on in the log
    await works.start()
    await settled(works)

    assert await dump(works) == lived
    logs = await audit(works, crowd, forgiven={VAULT})
    fired = Counter(each["timer_id"] for each in logs.bodies("paidan.inbox") if each["type"] == "timer.due.v1")
    assert len(fired) > 20
    assert set(fired.values()) == {1}, "a clock ran out twice"
    assert [claim.name for claim in (await works.verified()).claims if not claim.holds] == [VAULT]
    await asyncio.to_thread(subprocess.run, ["rm", "-rf", str(earlier)], check=True)
