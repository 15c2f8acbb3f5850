"""A service that follows the log of cases, run as processes on a real Kafka and PostgreSQL."""

import os
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import asyncpg

from paidan_chassis.kafka.cluster import KafkaCluster, TopicSpec
from paidan_chassis.kafka.message import Message
from paidan_chassis.kafka.producer import Publisher
from paidan_contracts.state import CaseState
from paidan_contracts.topics import CASES
from tests import fork_server, vault
from tests import servers as real
from tests.fork_server import ForkedProcess
from tests.scoring import case_histories

PoolFactory = Callable[[str], AbstractAsyncContextManager["asyncpg.Pool[Any]"]]


@dataclass(slots=True)
class ConsumerService:
    """The database and topics of one test, and the processes that use them."""

    servers: real.ServerAddresses
    dsn: str
    prefix: str
    pool: "asyncpg.Pool[Any]"
    publisher: Publisher
    folder: Path
    processes: list[ForkedProcess] = field(default_factory=list)

    def start_process(self, service: str, *command: str, **settings: str) -> ForkedProcess:
        """Start a module with arguments, and with these settings besides those that every service has."""
        own = {
            "KAFKA": self.servers.kafka,
            "DATABASE": self.dsn,
            "TOPIC_PREFIX": self.prefix,
            "PORT": "0",
            "VAULT_KEY": vault.KEY,
        }
        environment = {**os.environ, **{f"{service.upper()}_{name}": value for name, value in own.items()}, **settings}
        log = self.folder / f"{service}-{len(self.processes)}.log"
        process = fork_server.start(*command, environment=environment, out=log)
        self.processes.append(process)
        return process

    def log_text(self) -> str:
        """Return the processes' logs, for the message of a failed test."""
        return "\n".join(log.read_text()[-3000:] for log in sorted(self.folder.glob("*.log")))

    async def publish_states(self, states: Sequence[CaseState]) -> None:
        """Publish steps of cases, as dispatch's relay would."""
        for begin in range(0, len(states), 500):
            await self.publisher.send(
                [
                    Message(CASES.name, state.case_id, case_histories.case_event(state).model_dump_json().encode(), ())
                    for state in states[begin : begin + 500]
                ]
            )

    def stop(self) -> None:
        """End every process that was started here."""
        fork_server.end_all(self.processes)


Service = TypeVar("Service", bound=ConsumerService)


@asynccontextmanager
async def running_service(
    service: type[Service],
    servers: real.ServerAddresses,
    prefix: str,
    folder: Path,
    *,
    topics: Mapping[str, TopicSpec],
    open_pool: PoolFactory,
) -> AsyncIterator[Service]:
    """Create topics and tables; stop the processes at the end."""
    async with AsyncExitStack() as stack:
        dsn = await stack.enter_async_context(real.fresh_database(servers))
        pool = await stack.enter_async_context(open_pool(dsn))
        kafka = KafkaCluster(servers.kafka, prefix, topic_spec=topics.__getitem__)
        publisher = await stack.enter_async_context(Publisher(kafka, client_id="test"))
        await publisher.topic_admin.ensure(list(topics))
        running = service(servers, dsn, prefix, pool, publisher, folder)
        stack.callback(running.stop)
        yield running
