"""What exists on the cluster: its id, topics and their ids, made when missing. No records pass here."""

import asyncio
from collections.abc import Iterable
from types import TracebackType
from typing import Final, Self

from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.errors import KafkaError

from paidan_chassis.consumer.errors import Unacknowledged
from paidan_chassis.kafka.cluster import Kafka
from paidan_chassis.kafka.metadata_v12 import (
    AskMetadata,
    ClusterFound,
    TopicFound,
    read_metadata,
)

ASKED_WITHIN_S: Final = 5.0
_MADE_WITHIN_S: Final = 20.0
_EXISTS_ALREADY: Final = 36


class Topology:
    """Asks the cluster what exists, remembers partition counts (they never change), makes what is missing."""

    def __init__(self, kafka: Kafka, *, client_id: str) -> None:
        self._kafka = kafka
        self._client_id = f"{client_id}-topology"
        self._admin: AIOKafkaAdminClient | None = None
        self._counts: dict[str, int] = {}
        self._lock = asyncio.Lock()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._let_go()

    async def found(self, topics: Iterable[str]) -> ClusterFound:
        """Ask now what the cluster and these topics (plain names) are; raises an ``OSError`` or ``KafkaError``."""
        async with self._lock:
            return await self._found([self._kafka.real(topic) for topic in topics])

    async def partitions(self, topic: str) -> int:
        """Count a topic's partitions, making the topic when it does not exist."""
        while (count := self._counts.get(topic)) is None:
            await self.ensure([topic])
        return count

    def doubt(self) -> None:
        """Forget which topics exist: somebody may have deleted one, and it is to be made anew."""
        self._counts.clear()

    async def ensure(self, topics: Iterable[str]) -> None:
        """Make the topics that do not exist, and wait until each has its leaders."""
        async with self._lock:
            missing = [topic for topic in topics if topic not in self._counts]
            if missing:
                async with asyncio.timeout(_MADE_WITHIN_S):
                    await self._ensure(missing)

    async def _ensure(self, topics: list[str]) -> None:
        while True:
            found = (await self._found([self._kafka.real(topic) for topic in topics])).topics
            self._remember(found)
            absent = [topic for topic in topics if self._kafka.real(topic) not in found]
            if absent:
                await self._make(absent)
            elif all(found[self._kafka.real(topic)].ready for topic in topics):
                return
            await asyncio.sleep(0.05)

    def _remember(self, found: dict[str, TopicFound]) -> None:
        for name, topic in found.items():
            if topic.ready:
                self._counts[self._kafka.plain(name)] = topic.partitions

    async def _make(self, topics: list[str]) -> None:
        shapes = {topic: self._kafka.shape(topic) for topic in topics}
        admin = await self._client()
        response = await admin.create_topics(
            [
                NewTopic(
                    name=self._kafka.real(topic),
                    num_partitions=shape.partitions,
                    replication_factor=-1,  # the broker's own default...
                    replica_assignments={},  # ...which aiokafka lets pass only with an assignment, be it empty
                    topic_configs={"message.timestamp.type": "LogAppendTime", **shape.config},
                )
                for topic, shape in shapes.items()
            ]
        )
        for name, code, *rest in response.topic_errors:
            if code not in {0, _EXISTS_ALREADY}:
                raise Unacknowledged(f"topic {name} could not be made: {rest[0] if rest else code}")

    async def _found(self, real_names: list[str]) -> ClusterFound:
        try:
            async with asyncio.timeout(ASKED_WITHIN_S):
                admin = await self._client()
                client = admin._client  # noqa: SLF001 - aiokafka's admin has no way to ask for topic ids
                return read_metadata(await client.send(client.get_random_node(), AskMetadata(real_names)))
        except (KafkaError, OSError, TimeoutError):
            await self._let_go()
            raise

    async def _client(self) -> AIOKafkaAdminClient:
        if self._admin is None:
            admin = AIOKafkaAdminClient(
                client_id=self._client_id,
                request_timeout_ms=int(ASKED_WITHIN_S * 1000),
                **self._kafka.client_options(),
            )
            try:
                await admin.start()
            except BaseException:
                await admin.close()
                raise
            self._admin = admin
        return self._admin

    async def _let_go(self) -> None:
        admin, self._admin = self._admin, None
        if admin is not None:
            await admin.close()
