"""Benchmark of dispatch's lists with a million cases: every filter and every pair, rare and common, along the list."""

import time
from collections.abc import AsyncIterator, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final
from urllib.parse import urlencode

import asyncpg
import httpx

from paidan_chassis.database import Connection
from paidan_deploy.provisioning.api_keys import create_key
from paidan_deploy.provisioning.connection import open_connection
from paidan_deploy.servers import ports
from paidan_dispatch.api.case_query import CURSORS
from paidan_dispatch.api.queries import PageKey
from tests.bench.installation import BenchInstallation, prepared_installation
from tests.bench.kafka_load import measure_bulk
from tests.bench.one_core import on_one_core
from tests.bench.queue_cases import fill_queues
from tests.bench.queue_filters import Choice, choices_of, find_filters
from tests.bench.report_stream import ReportStream
from tests.bench.results import BenchSize, Measurement, latencies

SEED: Final = 67890
OPEN_SHARE: Final = 0.07
ALONG_THE_LIST: Final = {"middle": 0.5, "end": 0.99}
"""Where lists are opened beside their beginning: after this share of their cases."""
WORDS: Final = (
    Choice("words, common", (("words", "经十路"),), "true"),
    Choice("words, rare", (("words", "经十路 77号"),), "true"),
)
_SAMPLE: Final = """
    CREATE TEMP TABLE sampled AS
    SELECT *
      FROM dispatch.case_now
     WHERE hashtext(case_id) % 20 = 0
"""
_SELECT_KEY: Final = """
    SELECT percentile_disc($1::float8) WITHIN GROUP (ORDER BY reported_at DESC)
      FROM sampled
     WHERE {condition}
"""


async def measure_queues(folder: Path, size: BenchSize) -> dict[str, Measurement]:
    """Measure pages of dispatch's lists over HTTP, on one core with PostgreSQL, one request after the other."""
    async with prepared_installation(folder, name="-queues") as installation:
        await installation.start("dispatch")
        await measure_bulk(installation, ReportStream(installation.city, seed=SEED), size.read_model_originals)
        await installation.run_only()
        copies = round(1.02 * size.stored_large / size.read_model_originals)  # a few have no department, and no copies
        at = await installation.city_time()
        filled = await fill_queues(
            installation.dsn, installation.city, copies=copies, open_copies=round(copies * OPEN_SHARE), at=at
        )
        with on_one_core(installation):
            await installation.start("dispatch", arguments=["--only", "edge"])
        figures = await measure_lists(installation, at)
    figures |= {"open_cases": filled.open_cases, "stored_cases": filled.cases}
    return {"queues": Measurement(cases=filled.cases, seconds=0, figures=figures)}


async def measure_lists(installation: BenchInstallation, at: datetime) -> dict[str, float]:
    """Return the figures of all lists, and the slowest page of each pair of filters."""
    conn = await asyncpg.connect(installation.dsn, timeout=10)
    try:
        await conn.execute(_SAMPLE)
        lists = [each async for each in _lists(conn, at)]
    finally:
        await conn.close()
    async with open_connection(installation.dsn) as connection:
        scopes = ("role:operator", "role:inspector", "role:caller")
        token, _ = await create_key(connection, name="bench lists", city=installation.city.id, scopes=scopes)
    address = f"http://{ports.LOOPBACK}:{installation.running['dispatch'].port}"
    headers = {"authorization": f"Bearer {token}"}
    async with httpx.AsyncClient(base_url=address, headers=headers, timeout=60, trust_env=False) as client:
        return await _visit(client, lists)


async def _visit(client: httpx.AsyncClient, lists: Sequence[tuple[str, str]]) -> dict[str, float]:
    await _get(client, "")  # connections, statements
    slowest: dict[str, float] = {}
    seconds = []
    for name, query in lists:
        took = await _get(client, query)
        seconds.append(took)
        slowest[name] = max(slowest.get(name, 0.0), round(1e3 * took, 1))
    return latencies("lists", seconds) | {f"{name}_ms": took for name, took in slowest.items()}


async def _get(client: httpx.AsyncClient, query: str) -> float:
    began = time.perf_counter()
    answer = await client.get(f"/v1/cases?{query}")
    took = time.perf_counter() - began
    if answer.status_code != 200:
        raise AssertionError(f"{query}: {answer.status_code} {answer.text[:500]}")
    return took


async def _lists(conn: Connection, at: datetime) -> AsyncIterator[tuple[str, str]]:
    """Yield a name and the query of each page."""
    filters = [*await find_filters(conn, at), WORDS]
    for chosen in choices_of(filters):
        condition = " AND ".join(["city IS NOT NULL", *(each.condition for each in chosen)])
        parameters = [parameter for each in chosen for parameter in each.parameters]
        name = " & ".join(each.name for each in chosen)
        yield name, urlencode(parameters)
        for order in ("newest", "oldest"):
            for share in ALONG_THE_LIST.values():
                key = await conn.fetchval(_SELECT_KEY.format(condition=condition), share)
                cursor = CURSORS.encode(PageKey(key or at - timedelta(days=350), "quancheng-" + "8" * 32))
                yield name, urlencode([*parameters, ("after", cursor), ("order", order)])
