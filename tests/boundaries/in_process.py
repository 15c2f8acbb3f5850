"""Services in this process, with stock clients at both ends, so that a road can be traced."""

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
from tests.dispatch.dispatch_service import DispatchService, open_service
from tests.dispatch.inbox_entries import city_in_force
from tests.servers import ServerAddresses, fresh_database


@dataclass(slots=True)
class StockClients:
    """A producer and a consumer of paidan.cases in which none of our code runs."""

    prefix: str
    producer: AIOKafkaProducer
    cases: AIOKafkaConsumer

    async def send(self, topic: str, key: str, value: bytes) -> None:
        """Append a record."""
        await self.producer.send_and_wait(self.prefix + topic, value, key=key.encode())

    async def wait_for_event(self, case_id: str, type_: str) -> None:
        """Read events of cases until this one arrives."""
        async with asyncio.timeout(60):
            while True:
                for records in (await self.cases.getmany(timeout_ms=100)).values():
                    events = [json.loads(each.value) for each in records]
                    if any((each["case_id"], each["type"]) == (case_id, type_) for each in events):
                        return


@dataclass(slots=True)
class DispatchInProcess:
    """Dispatch's parts in this process, with topics and tables of its own."""

    service: DispatchService
    parts: ServiceParts
    clients: StockClients
    exit_stack: AsyncExitStack

    async def run(self, *loops: str) -> None:
        """Start these loops, and append the tiny city's pack to the inbox."""
        await self.exit_stack.enter_async_context(running_loops(self.parts, *loops))
        await self.service.append_to_inbox(city_in_force())


@asynccontextmanager
async def open_dispatch(
    servers: ServerAddresses, *components: Component, persons_issuer: str | None = None
) -> AsyncIterator[DispatchInProcess]:
    """Open dispatch's parts; none of its loops runs yet."""
    async with AsyncExitStack() as stack:
        dsn, prefix = await stack.enter_async_context(fresh_database(servers)), new_prefix()
        service = await stack.enter_async_context(open_service(servers.kafka, prefix, dsn))
        settings = DispatchSettings(**common_settings(servers.kafka, dsn, prefix), persons_issuer=persons_issuer)
        parts = await stack.enter_async_context(dispatch.build(settings, process_of("dispatch", *components)))
        clients = await stack.enter_async_context(open_clients(servers.kafka, prefix))
        yield DispatchInProcess(service, parts, clients, stack)


@asynccontextmanager
async def open_clients(kafka: str, prefix: str) -> AsyncIterator[StockClients]:
    """Open the clients, the consumer at the topic's start."""
    cases = AIOKafkaConsumer(prefix + CASES.name, bootstrap_servers=kafka, auto_offset_reset="earliest")
    async with AIOKafkaProducer(bootstrap_servers=kafka, acks="all") as producer, cases:
        yield StockClients(prefix, producer, cases)


@asynccontextmanager
async def running_loops(parts: ServiceParts, *names: str) -> AsyncIterator[None]:
    """Run these loops of a service, and no others, while the context is open."""
    stop = asyncio.Event()
    async with asyncio.TaskGroup() as group:
        for name in names:
            group.create_task(_run_loop(parts, name, stop))
        try:
            yield
        finally:
            stop.set()


async def _run_loop(parts: ServiceParts, name: str, stop: asyncio.Event) -> None:
    await parts.loops[name](stop)


def client_of(parts: ServiceParts) -> httpx.AsyncClient:
    """Return a client that calls the service's ASGI app without a socket."""
    assert parts.edge is not None
    return httpx.AsyncClient(transport=httpx.ASGITransport(app=parts.edge), base_url="http://service")


def process_of(service: str, *components: Component) -> ProcessContext:
    """Return the context of a process that runs these components."""
    metrics = Metrics(service)
    return ProcessContext(service, frozenset(components), metrics, Health(metrics))


def common_settings(kafka: str, dsn: str, prefix: str) -> dict[str, Any]:
    """Return the settings that every service needs."""
    secrets = {"database": SecretStr(dsn), "vault_key": SecretStr(vault.KEY)}
    return {"kafka": kafka, "topic_prefix": prefix, "port": 0, **secrets}


def new_prefix() -> str:
    """Return a topic prefix that nothing else on the broker uses."""
    return f"t{uuid.uuid4().hex[:10]}."


def encode_answer(case_id: str, action: Mapping[str, object]) -> bytes:
    """Encode a department's answer."""
    return json.dumps({"id": f"{case_id} {action['kind']}", "case_id": case_id, "action": action}).encode()
