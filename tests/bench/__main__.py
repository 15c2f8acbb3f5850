"""`python -m tests.bench`: measures, prints a table, writes `.paidan/bench/<time>.json`."""

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

from tests.bench.baseline import bare
from tests.bench.http_load import over_http
from tests.bench.installation import Ground, laid_out
from tests.bench.kafka_load import bulk, drain, rebuild
from tests.bench.machine import Machine, this_machine
from tests.bench.positions import (
    FOLD,
    LANES,
    Logs,
    quiet,
)
from tests.bench.report import show
from tests.bench.report_stream import Traffic
from tests.bench.results import (
    FULL,
    GOALS,
    QUICK,
    Measured,
    Size,
)

FOLDER: Final = Path(__file__).parents[2] / ".paidan" / "bench"
PARTS: Final = ("bare", "http", "bulk", "drain", "rebuild")
SEED: Final = 12345
ENDS_WITHIN_S: Final = 1_800
out: Final = Console()


async def measure(ground: Ground, size: Size, parts: frozenset[str]) -> AsyncIterator[dict[str, Measured]]:
    """Measure part by part; each begins where nothing is left over of the one before."""
    traffic = Traffic(ground.city, seed=SEED)
    if "bare" in parts:
        yield await bare(ground, Traffic(ground.city, seed=SEED + 1).messages(size.bulk, await ground.city_time()))
    if "http" in parts:
        yield await over_http(ground, traffic, size)
    if "bulk" in parts:
        await _run_only(ground, "intake", "dispatch", "scoring")
        yield {"bulk_all": await bulk(ground, traffic, size.bulk)}
        await _run_only(ground, "dispatch", "scoring")
        yield {"bulk": await bulk(ground, traffic, size.bulk)}
    if "drain" in parts:
        await _run_only(ground)
        yield {"drain": await drain(ground, traffic, size.bulk)}
    if "rebuild" in parts:
        await _run_only(ground, "dispatch", "scoring")
        if parts == {"rebuild"}:
            await bulk(ground, traffic, size.bulk)
        async with Logs.open(ground) as logs:
            await quiet(ground, logs, LANES, FOLD)
        await _run_only(ground)
        yield {"rebuild": await rebuild(ground)}


async def _run_only(ground: Ground, *names: str) -> None:
    await ground.stop(*[name for name in tuple(ground.running) if name not in names])
    await ground.start(*[name for name in names if name not in ground.running])


def _with_ratio(found: dict[str, Measured]) -> dict[str, Measured]:
    if "bare" not in found or "drain" not in found:
        return found
    ratio = found["drain"].figures["cases_per_s"] / found["bare"].figures["cases_per_s"]
    drained = replace(found["drain"], figures=found["drain"].figures | {"of_bare": round(ratio, 3)})
    return found | {"drain": drained}


async def run(size: Size, parts: frozenset[str], profiled: str | None, stem: Path) -> dict[str, Measured]:
    """Lay out an installation and measure on it."""
    found: dict[str, Measured] = {}
    with out.status("starting servers") as status:
        async with asyncio.timeout(ENDS_WITHIN_S), laid_out(profiled, stem.with_suffix(".prof")) as ground:
            status.update("measuring")
            async for more in measure(ground, size, parts):
                found |= more
                status.update(f"measured {', '.join(found)}")
    return _with_ratio(found)


def write(path: Path, machine: Machine, found: dict[str, Measured]) -> None:
    """Keep everything, for comparisons."""
    goals = [goal._asdict() for goal in GOALS if goal.goal is not None]
    kept = {
        "machine": asdict(machine),
        "goals": goals,
        "measured": {name: asdict(each) for name, each in found.items()},
    }
    path.write_text(json.dumps(kept, indent=2, ensure_ascii=False) + "\n")


def main() -> None:
    """Read the command line, measure, tell."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description="Measure on servers of its own.")
    parser.add_argument("--quick", action="store_true", help="small sizes, to try things out: under a minute")
    parser.add_argument("--only", action="append", choices=PARTS, help="only this part; may be said several times")
    parser.add_argument("--profile", choices=("intake", "dispatch", "scoring"), help="run this one under cProfile")
    asked = parser.parse_args()
    machine = this_machine()
    FOLDER.mkdir(parents=True, exist_ok=True)
    stem = FOLDER / f"{datetime.now(UTC):%Y%m%dT%H%M%SZ}"
    parts = frozenset(asked.only or PARTS)
    found = uvloop.run(run(QUICK if asked.quick else FULL, parts, asked.profile, stem))
    show(out, machine, found)
    write(stem.with_suffix(".json"), machine, found)
    out.print(f"written to {stem.with_suffix('.json')}")
    if asked.profile:
        pstats.Stats(str(stem.with_suffix(".prof")), stream=sys.stdout).sort_stats("tottime").print_stats(30)


if __name__ == "__main__":
    main()
