"""An installation run by the `paidan` command, and a stock producer for its Kafka."""

import json
import uuid
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final, TypeAlias

import asyncpg
import httpx
from aiokafka import AIOKafkaProducer

from paidan_deploy.paths import StackPaths
from paidan_deploy.stack.state import read_state
from tests import servers as real
from tests.contracts.city_packs import TINY
from tests.journeys.installation import CommandRunner, running_installation
from tests.polling import poll

CITIES_FOLDER: Final = TINY.parent

TIMEOUT_S: Final = 90

RecordPosition: TypeAlias = tuple[str, int, int]

POSITION: Final = {"x": 117.005, "y": 36.005, "crs": "wgs84"}


@dataclass(slots=True)
class CommandInstallation:
    """An installation run by the `paidan` command, and a stock producer for its Kafka."""

    paidan: CommandRunner
    dsn: str
    prefix: str
    producer: AIOKafkaProducer
    appended: dict[RecordPosition, datetime] = field(default_factory=dict)
    tokens: dict[str, str] = field(default_factory=dict)

    async def append(self, topic: str, value: bytes | None, *, key: str = "k", header: bytes = b"x") -> RecordPosition:
        """Append a record and return its position."""
        headers = [("ce_type", header)]
        sent = await self.producer.send_and_wait(self.prefix + topic, value, key.encode(), headers=headers)
        position = (topic, sent.partition, sent.offset)
        self.appended[position] = datetime.fromtimestamp(sent.timestamp / 1000, UTC)
        return position

    async def rows(self, statement: str, *arguments: object) -> list[Any]:
        """Run a query as the database's owner."""
        conn = await asyncpg.connect(self.dsn, timeout=10)
        try:
            return list(await conn.fetch(statement, *arguments))
        finally:
            await conn.close()

    async def await_dead_letter(self, schema: str, position: RecordPosition) -> Any:  # noqa: ANN401 - a row
        """Wait until a record is a dead letter, and return its row."""
        statement = (
            f"SELECT letter_id, reason, detail, buried_at FROM {schema}.dead_letter"
            " WHERE topic = $1 AND partition = $2 AND log_offset = $3"
        )
        [row] = await self.await_rows(statement, *position)
        return row

    async def await_rows(self, statement: str, *arguments: object) -> list[Any]:
        """Wait until a query returns rows, and return them."""
        return await poll(lambda: self.rows(statement, *arguments), within_s=TIMEOUT_S, what=f"{statement} {arguments}")

    async def await_case(self, report_id: str) -> str:
        """Wait until a report is in a case, and return the case's id."""
        [row] = await self.await_rows("SELECT case_id FROM dispatch.outcome WHERE id = $1", uuid.UUID(report_id))
        return str(row["case_id"])

    async def await_outcome(self, name: str) -> tuple[str, str | None]:
        """Wait until dispatch has an outcome for an id, and return its result and the code of its refusal."""
        statement = "SELECT result, why FROM dispatch.outcome WHERE id = $1"
        [row] = await self.await_rows(statement, uuid.UUID(name))
        return row["result"], json.loads(row["why"])["code"] if row["why"] else None

    def client(self, service: str, name: str, *scopes: str) -> httpx.AsyncClient:
        """Return a client of a service with the named key, which is created on first use."""
        if name not in self.tokens:
            output = self.paidan.run("keys", "add", *scopes, "--name", name, "--city", "tiny").stdout
            self.tokens[name] = output.split()[-1]
        url = next(each["url"] for each in self.status()["services"] if each["name"] == service)
        headers = {"authorization": f"Bearer {self.tokens[name]}"}
        return httpx.AsyncClient(base_url=url, headers=headers, timeout=20, verify=False)

    def status(self) -> dict[str, Any]:
        status: dict[str, Any] = json.loads(self.paidan.run("status", "--json", check=False).stdout)
        return status

    def conditions(self) -> dict[str, str]:
        """Return each service's condition from the supervisor's state file; polling the command would be slow."""
        state = read_state(StackPaths(self.paidan.home).state)
        return {each.name: each.condition for each in state.services} if state else {}

    async def send_ticket(self, ref: str) -> str:
        """Send a ticket and return its report's id."""
        async with self.client("intake", "hotline", "source:hotline") as client:
            answer = await client.post(
                "/v1/tickets", json={"source_ref": ref, "position": POSITION, "text": "路灯不亮"}
            )
        assert answer.status_code == 202, answer.text
        return str(answer.json()["report_id"])


@asynccontextmanager
async def open_installation(servers: real.ServerAddresses, run_folder: Path) -> AsyncIterator[CommandInstallation]:
    """Start an installation with the tiny city published."""
    async with AsyncExitStack() as exit_stack:
        prefix = await exit_stack.enter_async_context(real.fresh_prefix(servers.kafka))
        dsn = await exit_stack.enter_async_context(real.fresh_database(servers))
        home = run_folder / f"paidan-{prefix}"
        paidan = exit_stack.enter_context(
            running_installation(home, servers, database=dsn, prefix=prefix, cities=CITIES_FOLDER)
        )
        producer = AIOKafkaProducer(bootstrap_servers=servers.kafka, max_request_size=2_000_000)
        await producer.start()
        exit_stack.push_async_callback(producer.stop)
        yield CommandInstallation(paidan, dsn, prefix, producer)
