"""Benchmark of two dispatch processes over four lanes beside one over one lane: what being two costs a case."""

from contextlib import AsyncExitStack
from pathlib import Path
from typing import Final

import asyncpg

from paidan_contracts.topics import INBOX
from tests.bench.installation import BenchInstallation, prepared_installation
from tests.bench.kafka_load import measure_bulk
from tests.bench.report_stream import ReportStream
from tests.bench.results import BenchSize, Measurement, least_costly, with_figures
from tests.polling import poll

SEED: Final = 23456
SELECT_OWNERS: Final = (
    "SELECT count(DISTINCT owner) FROM dispatch.lane_owner WHERE consumer = 'dispatch' AND topic = $1"
)


async def measure_lanes(folder: Path, size: BenchSize) -> dict[str, Measurement]:
    """Measure the same reports, appended to the inbox, in two installations whose rounds alternate.

    In one the city is one area, so one lane of one process; in the other each district is, over all lanes.
    """
    async with AsyncExitStack() as exit_stack:
        one = await exit_stack.enter_async_context(prepared_installation(folder, name="-one"))
        four = await exit_stack.enter_async_context(prepared_installation(folder, name="-four", area_level="district"))
        await one.start("dispatch")
        await four.start("dispatch", "dispatch-2")
        await _wait_for_owners(four, 2)
        streams = [(each, ReportStream(each.city, seed=SEED)) for each in (one, four)]
        rounds: tuple[list[Measurement], list[Measurement]] = ([], [])
        for number in range(1 + size.rounds):
            for which, (installation, stream) in enumerate(streams):
                measured = await measure_bulk(installation, stream, size.round_cases)
                if number:  # the first round warms Java up
                    rounds[which].append(measured)
    lanes_one, lanes_four = map(least_costly, rounds)
    ratio = lanes_four.figures["cpu_us_per_case"] / lanes_one.figures["cpu_us_per_case"]
    return {"lanes_one": lanes_one, "lanes_four": with_figures(lanes_four, of_one_lane=ratio)}


async def _wait_for_owners(installation: BenchInstallation, number: int) -> None:
    conn = await asyncpg.connect(installation.dsn, timeout=10)

    async def owners_are_there() -> bool:
        return bool(await conn.fetchval(SELECT_OWNERS, INBOX.name) == number)

    try:
        await poll(owners_are_there, within_s=60, what=f"{number} processes own lanes")
    finally:
        await conn.close()
