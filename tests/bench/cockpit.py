"""Benchmark of the cockpit with a million cases in its read model: pages, searches, and overviews that stay open."""

from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from typing import Final

import asyncpg
import httpx

from tests.bench.installation import BenchInstallation, prepared_installation
from tests.bench.kafka_load import measure_bulk
from tests.bench.one_core import on_one_core
from tests.bench.overviews import measure_overviews
from tests.bench.positions import COCKPIT_CASES, LogOffsets, wait_until_caught_up
from tests.bench.preload import copy_cases
from tests.bench.read_model import Filled, fill_read_model
from tests.bench.report_stream import ReportStream
from tests.bench.results import BenchSize, Measurement, percentile
from tests.bench.visits import Visitors, measure_visits, pages_of

SEED: Final = 56789
OPEN_SHARE: Final = 0.07
_CASE_PAGES: Final = 50
_DEEP: Final = timedelta(days=200)
_SELECT_OPEN: Final = """
    SELECT case_id
      FROM cockpit.active_case
      JOIN dispatch.case_now USING (case_id)
     WHERE active_case.ended_at IS NULL
     ORDER BY md5(case_id)
     LIMIT $1
"""


async def measure_cockpit(folder: Path, size: BenchSize) -> dict[str, Measurement]:
    """Measure pages on one core, each time as somebody for whom nothing is computed yet, and open overviews."""
    async with prepared_installation(folder, name="-cockpit") as installation:
        filled = await _fill(installation, size)
        # Copies are past their time limits, so of dispatch only its edge runs.
        with on_one_core(installation):
            await installation.start("dispatch", arguments=["--only", "edge"])
            await installation.start("intake", "scoring")
            await installation.start("cockpit")
        conn = await asyncpg.connect(installation.dsn, timeout=10)
        try:
            visitors = Visitors(conn, installation.city)
            pages = await _measure_pages(installation, visitors, conn, size)
            screens = await measure_overviews(
                installation, visitors, screens=size.screens, seconds=size.steady_s, cases=filled.cases
            )
        finally:
            await conn.close()
    figures = pages | {"open_cases": filled.open_cases, "stored_cases": filled.cases, "indexes_s": filled.index_s}
    return {"cockpit_pages": Measurement(cases=filled.cases, seconds=0, figures=figures), "cockpit_live": screens}


async def _fill(installation: BenchInstallation, size: BenchSize) -> Filled:
    await installation.start("intake", "dispatch", "scoring")
    await installation.start("cockpit")
    await measure_bulk(installation, ReportStream(installation.city, seed=SEED), size.read_model_originals)
    async with LogOffsets.connected(installation) as logs:
        await wait_until_caught_up(installation, logs, COCKPIT_CASES)
    await installation.run_only()
    copies = size.stored_large // size.read_model_originals - 1
    open_copies = round(copies * OPEN_SHARE)
    await copy_cases(installation.dsn, up_to=size.read_model_originals * (open_copies + 1))
    return await fill_read_model(
        installation.dsn, copies=copies, open_copies=open_copies, at=await installation.city_time()
    )


async def _measure_pages(
    installation: BenchInstallation, visitors: Visitors, conn: "asyncpg.Connection[asyncpg.Record]", size: BenchSize
) -> dict[str, float]:
    case_ids = [row["case_id"] for row in await conn.fetch(_SELECT_OPEN, _CASE_PAGES)]
    deep = await installation.city_time() - _DEEP
    figures: dict[str, float] = {}
    slowest = {"pages": 0.0, "searches": 0.0}
    everything: dict[str, list[float]] = {"pages": [], "searches": []}
    async with httpx.AsyncClient(base_url=installation.cockpit_address, timeout=60, trust_env=False) as client:
        for page in pages_of(installation.city, case_ids, deep):
            kind = "searches" if page.is_search else "pages"
            for rights in page.rights:
                await measure_visits(client, visitors, page, rights, 1)  # connections, templates
                seconds = sorted(await measure_visits(client, visitors, page, rights, size.visits))
                p95_ms = _milliseconds(seconds)
                figures[f"{page.name}, {rights}_p95_ms"] = p95_ms
                slowest[kind] = max(slowest[kind], p95_ms)
                everything[kind] += seconds
    for kind, found in everything.items():
        figures |= {f"{kind}_p95_ms": _milliseconds(sorted(found)), f"slowest_{kind}_p95_ms": slowest[kind]}
    return figures


def _milliseconds(sorted_seconds: Sequence[float]) -> float:
    return round(1e3 * percentile(sorted_seconds, 0.95), 1)
