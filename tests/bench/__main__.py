"""`python -m tests.bench`: runs the benchmarks, prints a table, writes `.paidan/bench/<time>.json`."""

import argparse
import asyncio
import json
import pstats
import sys
from collections.abc import AsyncIterator
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import uvloop
from rich.console import Console

from tests.bench.baseline import measure_baseline
from tests.bench.cockpit import measure_cockpit
from tests.bench.goals import GOALS
from tests.bench.http_load import measure_followed, measure_http
from tests.bench.installation import BenchInstallation, Profile, prepared_installation
from tests.bench.kafka_load import measure_bulk, measure_drain, measure_rebuild
from tests.bench.lanes import measure_lanes
from tests.bench.machine import MachineInfo, describe_machine
from tests.bench.positions import COCKPIT_CASES, DISPATCH_INBOX, SCORING_CASES, LogOffsets, wait_until_caught_up
from tests.bench.queues import measure_queues
from tests.bench.report import print_results
from tests.bench.report_stream import ReportStream
from tests.bench.results import FULL, QUICK, BenchSize, Measurement, with_figures
from tests.bench.scale import measure_scale
from tests.bench.timers import measure_timers
from tests.servers import run_folder

RESULTS_FOLDER: Final = Path(__file__).parents[2] / ".paidan" / "bench"
SHARED_PARTS: Final = frozenset({"bare", "http", "bulk", "drain", "rebuild"})
"""Those that are measured one after the other in one installation."""
PARTS: Final = (*sorted(SHARED_PARTS), "lanes", "scale", "cockpit", "queues", "timers")
LONG_PARTS: Final = frozenset({"scale", "cockpit", "queues", "timers"})
SEED: Final = 12345
TIMEOUT_S: Final = 3_600
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
        yield {"http_cockpit": await measure_followed(installation, stream, size)}
    if "bulk" in parts:
        await installation.run_only("intake", "dispatch", "scoring")
        yield {"bulk_all": await measure_bulk(installation, stream, size.bulk)}
        await installation.run_only("dispatch", "scoring")
        yield {"bulk": await measure_bulk(installation, stream, size.bulk)}
    if "drain" in parts:
        await installation.run_only()
        yield {"drain": await measure_drain(installation, stream, size.bulk)}
    if "rebuild" in parts:
        await installation.run_only("dispatch", "scoring")
        await installation.start("cockpit")
        if parts.isdisjoint({"http", "bulk", "drain"}):
            await measure_bulk(installation, stream, size.bulk)
        async with LogOffsets.connected(installation) as logs:
            await wait_until_caught_up(installation, logs, DISPATCH_INBOX, SCORING_CASES, COCKPIT_CASES)
        await installation.run_only()
        yield {"rebuild": await measure_rebuild(installation, "scoring", SCORING_CASES)}
        yield {"rebuild_cockpit": await measure_rebuild(installation, "cockpit", COCKPIT_CASES)}


def _with_ratio(results: dict[str, Measurement]) -> dict[str, Measurement]:
    if "bare" not in results or "drain" not in results:
        return results
    ratio = results["drain"].figures["cases_per_s"] / results["bare"].figures["cases_per_s"]
    return results | {"drain": with_figures(results["drain"], of_bare=ratio)}


async def run(size: BenchSize, parts: frozenset[str], profile: Profile | None) -> dict[str, Measurement]:
    """Return the measurements of these parts; those that need a database of their own get one."""
    results: dict[str, Measurement] = {}
    with console.status("starting servers") as status, run_folder() as folder:
        async with asyncio.timeout(TIMEOUT_S):
            if shared := parts & SHARED_PARTS:
                async with prepared_installation(folder, profile=profile) as installation:
                    async for measurements in measure(installation, size, shared):
                        results |= measurements
                        status.update(f"measured {', '.join(results)}")
            if "lanes" in parts:
                results |= await measure_lanes(folder, size)
                status.update(f"measured {', '.join(results)}")
            if "scale" in parts:
                results |= await measure_scale(folder, size)
                status.update(f"measured {', '.join(results)}")
            if "cockpit" in parts:
                results |= await measure_cockpit(folder, size)
                status.update(f"measured {', '.join(results)}")
            if "queues" in parts:
                results |= await measure_queues(folder, size)
                status.update(f"measured {', '.join(results)}")
            if "timers" in parts:
                results |= await measure_timers(folder, size)
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
    parser = argparse.ArgumentParser(
        prog="python -m tests.bench",
        description="Measure on servers of its own. Without --only: all but the long parts, in 6 minutes or so.",
    )
    parser.add_argument("--quick", action="store_true", help="small sizes, to try things out: 2 minutes for everything")
    parser.add_argument("--long", action="store_true", help="scale, cockpit, queues and timers, too: a million cases")
    parser.add_argument("--only", action="append", choices=PARTS, help="only this part; may be repeated")
    parser.add_argument(
        "--profile", choices=("intake", "dispatch", "scoring", "cockpit"), help="run this one under cProfile"
    )
    options = parser.parse_args()
    machine = describe_machine()
    RESULTS_FOLDER.mkdir(parents=True, exist_ok=True)
    stem = RESULTS_FOLDER / f"{datetime.now(UTC):%Y%m%dT%H%M%SZ}"
    parts = frozenset(options.only or PARTS) - (frozenset() if options.long or options.only else LONG_PARTS)
    profile = Profile(options.profile, stem.with_suffix(".prof")) if options.profile else None
    results = uvloop.run(run(QUICK if options.quick else FULL, parts, profile))
    print_results(console, machine, results)
    write_results(stem.with_suffix(".json"), machine, results)
    console.print(f"written to {stem.with_suffix('.json')}")
    if profile:
        pstats.Stats(str(profile.file), stream=sys.stdout).sort_stats("tottime").print_stats(30)


if __name__ == "__main__":
    main()
