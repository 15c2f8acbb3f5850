"""Benchmark of a large database beside a small one: what a case costs once many are stored."""

from pathlib import Path
from typing import Final

from tests.bench.installation import BenchInstallation, prepared_installation
from tests.bench.kafka_load import measure_bulk
from tests.bench.preload import copy_cases, stored_cases
from tests.bench.report_stream import ReportStream
from tests.bench.results import BenchSize, Measurement, least_costly, with_figures

SEED: Final = 34567
SERVICES: Final = ("intake", "dispatch", "scoring")


async def measure_scale(folder: Path, size: BenchSize) -> dict[str, Measurement]:
    """Measure the same work in one installation before and after most of its cases were copied in."""
    async with prepared_installation(folder, name="-scale") as installation:
        stream = ReportStream(installation.city, seed=SEED)
        await installation.start(*SERVICES)
        await measure_bulk(installation, stream, size.stored_small)
        small = await _measure_rounds(installation, stream, size)
        await installation.run_only()
        await copy_cases(installation.dsn, up_to=size.stored_large)
        await installation.start(*SERVICES)
        large = await _measure_rounds(installation, stream, size)
    ratio = large.figures["cpu_us_per_case"] / small.figures["cpu_us_per_case"]
    return {"scale_small": small, "scale_large": with_figures(large, of_small=ratio)}


async def _measure_rounds(installation: BenchInstallation, stream: ReportStream, size: BenchSize) -> Measurement:
    stored = await stored_cases(installation.dsn)
    rounds = [await measure_bulk(installation, stream, size.round_cases) for _ in range(1 + size.rounds)]
    # The first round brings pages into memory, and into the WAL where a checkpoint came before.
    return with_figures(least_costly(rounds[1:]), stored_cases=stored)
