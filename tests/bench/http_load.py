"""Benchmark of HTTP requests that open one case each, from when a request was due to the committed score."""

import asyncio
import json
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from paidan_contracts import ids
from paidan_contracts.topics import CASES
from tests.bench.installation import BenchInstallation
from tests.bench.positions import (
    COCKPIT_CASES,
    DISPATCH_INBOX,
    INTAKE_CASES,
    SCORING_CASES,
    LogOffsets,
    PositionHistory,
    wait_until_caught_up,
    watch_positions,
)
from tests.bench.report_stream import ReportStream, SourceReport
from tests.bench.results import BenchSize, Measurement, latencies, make_measurement, with_figures
from tests.bench.usage import spent_between

ACCEPTED: Final = 202
# The resolution of a score's time; each poll is itself part of the load.
POLL_S: Final = 0.003
MAX_RATE: Final = 4_500
"""Reports a second that are made ready for the maximum rate: the city has cells for 350,000 in all."""
START_TIMEOUT_S: Final = 60.0
CHECKOUT: Final = Path(__file__).parents[2]


class RequestsRefused(Exception):
    """Requests were not answered with 202, so the figures would measure something else."""


async def measure_http(
    installation: BenchInstallation, stream: ReportStream, size: BenchSize
) -> dict[str, Measurement]:
    """Measure at two fixed rates and at the maximum rate, on warm services."""
    await installation.start("intake", "dispatch", "scoring")
    await _run_load(installation, stream, size, seconds=size.warm_s, rate=0)
    results = {
        f"http_{rate}": await _run_load(installation, stream, size, seconds=size.steady_s, rate=rate)
        for rate in (200, 1_000)
    }
    return results | {"http": await _run_load(installation, stream, size, seconds=size.closed_s, rate=0)}


async def measure_followed(installation: BenchInstallation, stream: ReportStream, size: BenchSize) -> Measurement:
    """Measure at the maximum rate while the cockpit follows, too."""
    await installation.start("cockpit")
    await _run_load(installation, stream, size, seconds=size.warm_s, rate=0)
    measured = await _run_load(installation, stream, size, seconds=size.closed_s, rate=0)
    return with_figures(measured, postgres_for_cockpit_us=measured.us_per_case.get("PostgreSQL for cockpit", 0.0))


async def _run_load(
    installation: BenchInstallation, stream: ReportStream, size: BenchSize, *, seconds: float, rate: int
) -> Measurement:
    reports = stream.reports(int(seconds * (rate or MAX_RATE)), await installation.city_time())
    job = installation.paths.root / "load.json"
    job.write_text(json.dumps(_job(installation, reports, size, seconds=seconds, rate=rate)))
    async with (
        LogOffsets.connected(installation) as logs,
        watch_positions(installation, SCORING_CASES, every_s=POLL_S) as positions,
    ):
        since, before = await logs.end_offsets(CASES.name), await installation.usage()
        done = await _generate(job)
        await wait_until_caught_up(installation, logs, DISPATCH_INBOX, SCORING_CASES, INTAKE_CASES)
        followed = await _wait_for_cockpit(installation, logs) if "cockpit" in installation.running else {}
        after = await installation.usage()
        cases = await logs.cases_since(since)
    reports = reports[: len(done["due"])]
    _require_all_accepted(reports, done)
    scored = _scored_times(installation, reports, cases, positions)
    figures = followed | latencies(
        "answers", [end - due for due, end in zip(done["due"], done["answered"], strict=True)]
    )
    if rate:
        wall = time.time() - time.monotonic()
        logged = [cases[ids.case_id(installation.city.id, each.report_id)][2] - wall for each in reports]
        figures |= latencies("logged", [end - due for due, end in zip(done["due"], logged, strict=True)])
        figures |= latencies("score", [end - due for due, end in zip(done["due"], scored, strict=True)])
    duration_s = max(scored) - done["due"][0]
    return make_measurement(len(reports), duration_s, spent_between(before, after, generator=done["cpu_s"]), **figures)


async def _wait_for_cockpit(installation: BenchInstallation, logs: LogOffsets) -> dict[str, float]:
    began = time.monotonic()
    await wait_until_caught_up(installation, logs, COCKPIT_CASES)
    return {"rows_behind_s": time.monotonic() - began}


def _job(
    installation: BenchInstallation, reports: Sequence[SourceReport], size: BenchSize, *, seconds: float, rate: int
) -> dict[str, Any]:
    return {
        "host": "127.0.0.1",
        "port": installation.intake_port,
        "requests": [(installation.tokens[each.source], each.json) for each in reports],
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
        async with asyncio.timeout(START_TIMEOUT_S):
            await process.stdout.readline()
        process.stdin.write(b"go\n")
        if await process.wait() != 0:
            raise RuntimeError("the generator failed; its output is above")
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    done: dict[str, Any] = json.loads(job.with_suffix(".done").read_text())
    return done


def _require_all_accepted(reports: Sequence[SourceReport], done: dict[str, Any]) -> None:
    unexpected = [status for status in done["status"] if status != ACCEPTED]
    if unexpected or not reports:
        raise RequestsRefused(
            f"{len(unexpected)} of {len(reports)} requests were answered {sorted(set(unexpected))} (0: not at all)"
        )


def _scored_times(
    installation: BenchInstallation,
    reports: Sequence[SourceReport],
    cases: dict[str, tuple[int, int, float]],
    positions: PositionHistory,
) -> list[float]:
    times = []
    for each in reports:
        partition, offset, _ = cases[ids.case_id(installation.city.id, each.report_id)]
        times.append(positions.applied_at(partition, offset))
    return times
