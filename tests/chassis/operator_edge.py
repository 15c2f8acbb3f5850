"""The routes for operators on the sample consumer's tables, and a process that dies while it redrives."""

import asyncio
import json
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass
from typing import Any
from uuid import UUID

import asyncpg
import httpx
from pydantic import SecretStr

from paidan_chassis.consumer.redrive import redrive
from paidan_chassis.database import open_pool
from paidan_chassis.edge import api_keys
from paidan_chassis.edge.api_keys import KeyRing
from paidan_chassis.edge.app import EdgeConfig, create_app
from paidan_chassis.kafka.producer import Publisher
from paidan_chassis.kafka.record_batch import ProducerRecord
from paidan_chassis.observability.health import Health
from paidan_chassis.observability.metrics import Metrics
from paidan_chassis.operations.context import OperatorContext
from paidan_chassis.operations.routes import create_operator_router
from tests import vault
from tests.chassis.consumer_harness import ConsumerHarness
from tests.chassis.consumer_options import SCHEMA, ConsumerOptions, kill_self


@dataclass(frozen=True, slots=True)
class OperatorEdge:
    """A client with an operator's key, and one whose key operates a single city."""

    client: httpx.AsyncClient
    other_headers: dict[str, str]

    async def list_letters(self, **query: str | int | list[str]) -> list[dict[str, Any]]:
        """Return the dead letters of a page."""
        response = await self.client.get("/v1/dead-letters", params=query)
        assert response.status_code == 200, response.text
        letters: list[dict[str, Any]] = response.json()["dead_letters"]
        return letters


@asynccontextmanager
async def open_operator_edge(harness: ConsumerHarness, *, key: str = vault.KEY) -> AsyncIterator[OperatorEdge]:
    """Open the edge of another process than the consumer's."""
    tokens = {}
    async with harness.conn() as conn:
        for city in ("*", "quancheng"):
            tokens[city], api_key = api_keys.generate_key(name=f"ops {city}", city=city, scopes=["role:operator"])
            await api_keys.add_key(conn, SCHEMA, api_key)
    async with (
        open_pool(SecretStr(harness.options.dsn), schema=SCHEMA) as pool,
        Publisher(harness.options.cluster(), client_id="edge") as publisher,
    ):
        metrics = Metrics(SCHEMA)
        app = create_app(EdgeConfig("Ledger", "1", KeyRing(pool), Health(metrics), metrics))
        context = OperatorContext(pool, publisher, vault.build_cipher(key), {"role:operator"}, "*")
        app.include_router(create_operator_router(context))
        headers = {city: {"authorization": f"Bearer {token}"} for city, token in tokens.items()}
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, base_url="http://ledger", headers=headers["*"]) as client:
            yield OperatorEdge(client, headers["quancheng"])


class DyingPublisher(Publisher):
    """A publisher whose process is killed as soon as Kafka has acknowledged a record."""

    async def append(self, record: ProducerRecord) -> int:
        await super().append(record)
        kill_self()
        raise AssertionError


def argument(options: ConsumerOptions, letter_id: UUID) -> str:
    """Return the argument with which this module redrives a letter as a process, and is killed."""
    return json.dumps({"options": asdict(options), "letter_id": str(letter_id)})


async def main(options: ConsumerOptions, letter_id: UUID) -> None:
    """Redrive a letter, and die before that is noted."""
    conn = await asyncpg.connect(options.dsn, server_settings={"search_path": SCHEMA})
    async with DyingPublisher(options.cluster(), client_id="operator") as publisher:
        await redrive(conn, publisher, [letter_id], cipher=vault.build_cipher())


if __name__ == "__main__":
    given = json.loads(sys.argv[1])
    asyncio.run(main(ConsumerOptions(**given["options"]), UUID(given["letter_id"])))
