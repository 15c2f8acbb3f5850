"""One case a request over HTTP, from the moment that the request was due to the committed score."""

import asyncio
import json
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from paidan_contracts import ids
from paidan_contracts.topics import CASES
from tests.bench.cpu import spent
from tests.bench.installation import Ground
from tests.bench.positions import (
    FOLD,
    LANES,
    STANDING,
    Logs,
    Watch,
    quiet,
    watching,
)
from tests.bench.report_stream import Traffic, Written
from tests.bench.results import (
    Measured,
    Size,
    latencies,
    measured,
)

TAKEN: Final = 202
# How far a score's time may be off: a look at one small table every so often, itself part of the load.
LOOK_EVERY_S: Final = 0.003
MOST_A_SECOND: Final = 6_000
START_WITHIN_S: Final = 60.0
CHECKOUT: Final = Path(__file__).parents[2]


class Refused(Exception):
    """Requests were not taken: what is measured would be something else."""


async def over_http(ground: Ground, traffic: Traffic, size: Size) -> dict[str, Measured]:
    """Measure at two rates and at most, on services that have warmed up."""
    await ground.start("intake", "dispatch", "scoring")
    await _run(ground, traffic, size, seconds=size.warm_s, rate=0)
    found = {
        f"http_{rate}": await _run(ground, traffic, size, seconds=size.steady_s, rate=rate) for rate in (200, 1_000)
    }
    return found | {"http": await _run(ground, traffic, size, seconds=size.closed_s, rate=0)}


async def _run(ground: Ground, traffic: Traffic, size: Size, *, seconds: float, rate: int) -> Measured:
    reports = traffic.reports(int(seconds * (rate or MOST_A_SECOND)), await ground.city_time())
    job = ground.home.root / "load.json"
    job.write_text(json.dumps(_job(ground, reports, size, seconds=seconds, rate=rate)))
    async with Logs.open(ground) as logs, watching(ground, FOLD, every_s=LOOK_EVERY_S) as watch:
        since, before = await logs.ends(CASES.name), await ground.used()
        done = await _generate(job)
        await quiet(ground, logs, LANES, FOLD, STANDING)
        after = await ground.used()
        found = await logs.cases(since)
    reports = reports[: len(done["due"])]
    _see_all_taken(reports, done)
    scored = _scored(ground, reports, found, watch)
    figures = latencies("answers", [end - due for due, end in zip(done["due"], done["answered"], strict=True)])
    if rate:
        wall = time.time() - time.monotonic()
        logged = [found[ids.case_id(ground.city.id, each.report_id)][2] - wall for each in reports]
        figures |= latencies("logged", [end - due for due, end in zip(done["due"], logged, strict=True)])
        figures |= latencies("score", [end - due for due, end in zip(done["due"], scored, strict=True)])
    took = max(scored) - done["due"][0]
    return measured(len(reports), took, spent(before, after, generator=done["cpu_s"]), **figures)


def _job(ground: Ground, reports: Sequence[Written], size: Size, *, seconds: float, rate: int) -> dict[str, Any]:
    return {
        "host": "127.0.0.1",
        "port": ground.intake_port,
        "requests": [(ground.tokens[each.source], each.json) for each in reports],
        "connections": size.connections,
        "seconds": seconds,
        "rate": rate,
    }


async def _generate(job: Path) -> dict[str, Any]:
    argv = [sys.executable, "-m", "tests.bench.load_generator", str(job)]
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(*argv, cwd=CHECKOUT, stdin=pipe, stdout=pipe)
    try:
        if process.stdin is None or process.stdout is None:
            raise RuntimeError("the generator has no pipes")
        async with asyncio.timeout(START_WITHIN_S):
            await process.stdout.readline()
        process.stdin.write(b"go\n")
        if await process.wait() != 0:
            raise RuntimeError("the generator broke; what it said stands above")
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    done: dict[str, Any] = json.loads(job.with_suffix(".done").read_text())
    return done


def _see_all_taken(reports: Sequence[Written], done: dict[str, Any]) -> None:
    other = [status for status in done["status"] if status != TAKEN]
    if other or not reports:
        raise Refused(f"{len(other)} of {len(reports)} requests were answered {sorted(set(other))} (0: not at all)")


def _scored(
    ground: Ground, reports: Sequence[Written], found: dict[str, tuple[int, int, float]], watch: Watch
) -> list[float]:
    scored = []
    for each in reports:
        partition, offset, _ = found[ids.case_id(ground.city.id, each.report_id)]
        scored.append(watch.applied_at(partition, offset))
    return scored
