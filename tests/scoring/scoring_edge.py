"""Scoring's edge in this process, on a city with a few cases."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import asyncpg
import httpx
from fastapi import FastAPI

from paidan_chassis.edge.api_keys import KeyRing
from paidan_chassis.edge.app import EdgeConfig
from paidan_chassis.kafka.cluster import KafkaCluster
from paidan_chassis.kafka.producer import Publisher
from paidan_chassis.observability.health import Health
from paidan_chassis.observability.metrics import Metrics
from paidan_scoring.app import TITLE, VERSION, create_http_app
from paidan_scoring.city_packs import PackCache
from paidan_scoring.handlers import Fold
from tests import vault
from tests.scoring import case_histories, database_fixture
from tests.scoring.case_histories import accept, assign, close, expire, finish, return_case

ALL_SCOPES = ("city", "department", "district", "street", "class", "source")


@asynccontextmanager
async def open_edge(pool: "asyncpg.Pool[Any]") -> AsyncIterator[httpx.AsyncClient]:
    """Open the edge on a city with one case closed after two departments had it, one pending, one late."""
    await database_fixture.clear_tables(pool)
    pack = await database_fixture.publish_pack(pool, database_fixture.pack_bytes())
    histories = [
        [assign("a"), accept, expire, return_case, assign("b"), accept, finish, close],
        [assign("b"), accept],
        [assign("b", hours=1), accept, expire, finish],
        [],
    ]
    records = [
        case_histories.case_record(state, offset=offset)
        for number, moves in enumerate(histories)
        for offset, state in enumerate(case_histories.history(case_histories.new_case(number, pack=pack), moves))
    ]
    await database_fixture.apply_records(pool, Fold(PackCache(pool)), records)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app(pool)), base_url="http://scoring") as client:
        yield client


def app(pool: "asyncpg.Pool[Any]") -> FastAPI:
    metrics = Metrics("scoring")
    edge_config = EdgeConfig(TITLE, VERSION, KeyRing(pool), Health(metrics), metrics)
    publisher = Publisher(KafkaCluster("nowhere.invalid:9092"), client_id="scoring-edge")  # these tests redrive nothing
    return create_http_app(edge_config, pool, publisher, vault.build_cipher())


async def pages(
    edge: httpx.AsyncClient, score_id: str, who: dict[str, str], *, limit: int, **query: str
) -> list[dict[str, Any]]:
    """Read a receipt to its end."""
    found: list[dict[str, Any]] = []
    after: dict[str, str] = {}
    while True:
        answer = await edge.get(f"/v1/scores/{score_id}/cases", params={"limit": limit, **query, **after}, headers=who)
        assert answer.status_code == 200, answer.text
        found += answer.json()["cases"]
        if answer.json()["next"] is None:
            return found
        after = {"after": answer.json()["next"]}
