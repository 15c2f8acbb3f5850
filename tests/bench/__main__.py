"""`python -m tests.bench`: runs the benchmarks, prints a table, writes `.paidan/bench/<time>.json`."""

import argparse
import asyncio
import json
import pstats
import sys
from collections.abc import AsyncIterator
from dataclasses import asdict, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import uvloop
from rich.console import Console

from tests.bench.baseline import measure_baseline
from tests.bench.http_load import measure_http
from tests.bench.installation import BenchInstallation, prepared_installation
from tests.bench.kafka_load import measure_bulk, measure_drain, measure_rebuild
from tests.bench.machine import MachineInfo, describe_machine
from tests.bench.positions import DISPATCH_INBOX, SCORING_CASES, LogOffsets, wait_until_caught_up
from tests.bench.report import print_results
from tests.bench.report_stream import ReportStream
from tests.bench.results import FULL, GOALS, QUICK, BenchSize, Measurement

RESULTS_FOLDER: Final = Path(__file__).parents[2] / ".paidan" / "bench"
PARTS: Final = ("bare", "http", "bulk", "drain", "rebuild")
SEED: Final = 12345
TIMEOUT_S: Final = 1_800
console: Final = Console()


async def measure(
    installation: BenchInstallation, size: BenchSize, parts: frozenset[str]
) -> AsyncIterator[dict[str, Measurement]]:
    """Yield the measurements of each part; each starts after the one before is fully processed."""
    stream = ReportStream(installation.city, seed=SEED)
    if "bare" in parts:
        yield await measure_baseline(
            installation,
            ReportStream(installation.city, seed=SEED + 1).messages(size.bulk, await installation.city_time()),
        )
    if "http" in parts:
        yield await measure_http(installation, stream, size)
    if "bulk" in parts:
        await _run_only(installation, "intake", "dispatch", "scoring")
        yield {"bulk_all": await measure_bulk(installation, stream, size.bulk)}
        await _run_only(installation, "dispatch", "scoring")
        yield {"bulk": await measure_bulk(installation, stream, size.bulk)}
    if "drain" in parts:
        await _run_only(installation)
        yield {"drain": await measure_drain(installation, stream, size.bulk)}
    if "rebuild" in parts:
        await _run_only(installation, "dispatch", "scoring")
        if parts == {"rebuild"}:
            await measure_bulk(installation, stream, size.bulk)
        async with LogOffsets.connected(installation) as logs:
            await wait_until_caught_up(installation, logs, DISPATCH_INBOX, SCORING_CASES)
        await _run_only(installation)
        yield {"rebuild": await measure_rebuild(installation)}


async def _run_only(installation: BenchInstallation, *names: str) -> None:
    await installation.stop(*[name for name in tuple(installation.running) if name not in names])
    await installation.start(*[name for name in names if name not in installation.running])


def _with_ratio(results: dict[str, Measurement]) -> dict[str, Measurement]:
    if "bare" not in results or "drain" not in results:
        return results
    ratio = results["drain"].figures["cases_per_s"] / results["bare"].figures["cases_per_s"]
    drain = replace(results["drain"], figures=results["drain"].figures | {"of_bare": round(ratio, 3)})
    return results | {"drain": drain}


async def run(
    size: BenchSize, parts: frozenset[str], profiled_service: str | None, stem: Path
) -> dict[str, Measurement]:
    """Prepare an installation and return the measurements taken on it."""
    results: dict[str, Measurement] = {}
    with console.status("starting servers") as status:
        async with (
            asyncio.timeout(TIMEOUT_S),
            prepared_installation(profiled_service, stem.with_suffix(".prof")) as installation,
        ):
            status.update("measuring")
            async for measurements in measure(installation, size, parts):
                results |= measurements
                status.update(f"measured {', '.join(results)}")
    return _with_ratio(results)


def write_results(path: Path, machine: MachineInfo, results: dict[str, Measurement]) -> None:
    """Write everything to a JSON file, for comparisons."""
    goals = [goal._asdict() for goal in GOALS if goal.goal is not None]
    document = {
        "machine": asdict(machine),
        "goals": goals,
        "measured": {name: asdict(each) for name, each in results.items()},
    }
    path.write_text(json.dumps(document, indent=2, ensure_ascii=False) + "\n")


def main() -> None:
    """Parse the command line, run the benchmarks, print and write their results."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description="Measure on servers of its own.")
    parser.add_argument("--quick", action="store_true", help="small sizes, to try things out: under a minute")
    parser.add_argument("--only", action="append", choices=PARTS, help="only this part; may be repeated")
    parser.add_argument("--profile", choices=("intake", "dispatch", "scoring"), help="run this one under cProfile")
    options = parser.parse_args()
    machine = describe_machine()
    RESULTS_FOLDER.mkdir(parents=True, exist_ok=True)
    stem = RESULTS_FOLDER / f"{datetime.now(UTC):%Y%m%dT%H%M%SZ}"
    parts = frozenset(options.only or PARTS)
    results = uvloop.run(run(QUICK if options.quick else FULL, parts, options.profile, stem))
    print_results(console, machine, results)
    write_results(stem.with_suffix(".json"), machine, results)
    console.print(f"written to {stem.with_suffix('.json')}")
    if options.profile:
        pstats.Stats(str(stem.with_suffix(".prof")), stream=sys.stdout).sort_stats("tottime").print_stats(30)


if __name__ == "__main__":
    main()
