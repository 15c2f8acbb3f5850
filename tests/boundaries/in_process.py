"""Services in this process and stock clients at both their ends, for a road to be watched from end to end."""

import asyncio
import json
import uuid
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import Any

import httpx
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from pydantic import SecretStr

from paidan_chassis.observability.health import Health
from paidan_chassis.observability.metrics import Metrics
from paidan_chassis.runtime import Component, ProcessContext, ServiceParts
from paidan_contracts.topics import CASES
from paidan_dispatch import app as dispatch
from paidan_dispatch.settings import Settings as DispatchSettings
from tests import vault
from tests.dispatch.database_fixture import city_in_force
from tests.dispatch.dispatch_service import DispatchService, open_service
from tests.servers import ServerAddresses, fresh_database


@dataclass(slots=True)
class StockClients:
    """A producer and a reader of paidan.cases in which no code of ours runs."""

    prefix: str
    producer: AIOKafkaProducer
    cases: AIOKafkaConsumer

    async def send(self, topic: str, key: str, value: bytes) -> None:
        """Append a record."""
        await self.producer.send_and_wait(self.prefix + topic, value, key=key.encode())

    async def arrives(self, case_id: str, type_: str) -> None:
        """Read steps of cases until this one is there."""
        async with asyncio.timeout(60):
            while True:
                for records in (await self.cases.getmany(timeout_ms=100)).values():
                    steps = [json.loads(each.value) for each in records]
                    if any((each["case_id"], each["type"]) == (case_id, type_) for each in steps):
                        return


@dataclass(slots=True)
class DispatchInProcess:
    """Dispatch with topics and tables of its own."""

    stage: DispatchService
    running: ServiceParts
    clients: StockClients
    opened: AsyncExitStack

    async def run(self, *loops: str) -> None:
        """Start these loops, and put the tiny city in force."""
        await self.opened.enter_async_context(running_loops(self.running, *loops))
        await self.stage.append_to_inbox(city_in_force())


@asynccontextmanager
async def open_dispatch(servers: ServerAddresses, *parts: Component) -> AsyncIterator[DispatchInProcess]:
    """Open dispatch's parts; no loop of it runs yet."""
    async with AsyncExitStack() as stack:
        dsn, prefix = await stack.enter_async_context(fresh_database(servers)), new_prefix()
        stage = await stack.enter_async_context(open_service(servers.kafka, prefix, dsn))
        settings = DispatchSettings(**common_settings(servers.kafka, dsn, prefix))
        running = await stack.enter_async_context(dispatch.build(settings, process_of("dispatch", *parts)))
        clients = await stack.enter_async_context(open_clients(servers.kafka, prefix))
        yield DispatchInProcess(stage, running, clients, stack)


@asynccontextmanager
async def open_clients(kafka: str, prefix: str) -> AsyncIterator[StockClients]:
    """Open the clients, the reader at the topic's start."""
    cases = AIOKafkaConsumer(prefix + CASES.name, bootstrap_servers=kafka, auto_offset_reset="earliest")
    async with AIOKafkaProducer(bootstrap_servers=kafka, acks="all") as producer, cases:
        yield StockClients(prefix, producer, cases)


@asynccontextmanager
async def running_loops(running: ServiceParts, *names: str) -> AsyncIterator[None]:
    """Run these loops of a service, and no others, while the context is open."""
    stop = asyncio.Event()
    async with asyncio.TaskGroup() as group:
        for name in names:
            group.create_task(_loop(running, name, stop))
        try:
            yield
        finally:
            stop.set()


async def _loop(running: ServiceParts, name: str, stop: asyncio.Event) -> None:
    await running.loops[name](stop)


def client_of(running: ServiceParts) -> httpx.AsyncClient:
    """Open a client of the service's edge, with no socket between."""
    assert running.edge is not None
    return httpx.AsyncClient(transport=httpx.ASGITransport(app=running.edge), base_url="http://service")


def process_of(service: str, *parts: Component) -> ProcessContext:
    """Describe a process that runs these parts."""
    metrics = Metrics(service)
    return ProcessContext(service, frozenset(parts), metrics, Health(metrics))


def common_settings(kafka: str, dsn: str, prefix: str) -> dict[str, Any]:
    """Return the settings that every service needs."""
    secrets = {"database": SecretStr(dsn), "vault_key": SecretStr(vault.KEY)}
    return {"kafka": kafka, "topic_prefix": prefix, "port": 0, **secrets}


def new_prefix() -> str:
    """Return a prefix that sets topics apart from all others on the broker."""
    return f"t{uuid.uuid4().hex[:10]}."


def answer(case_id: str, action: Mapping[str, object]) -> bytes:
    """Encode a department's answer."""
    return json.dumps({"id": f"{case_id} {action['kind']}", "case_id": case_id, "action": action}).encode()
