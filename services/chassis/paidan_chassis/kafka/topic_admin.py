"""Describes the cluster and its topics, and creates missing topics. No records pass here."""

import asyncio
from collections.abc import Iterable
from types import TracebackType
from typing import Final, Self

from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.errors import KafkaError

from paidan_chassis.errors import Unacknowledged
from paidan_chassis.kafka.cluster import KafkaCluster
from paidan_chassis.kafka.metadata_v12 import ClusterMetadata, MetadataRequest, TopicMetadata, parse_metadata

REQUEST_TIMEOUT_S: Final = 5.0
_CREATE_TIMEOUT_S: Final = 20.0
_TOPIC_ALREADY_EXISTS: Final = 36


class TopicAdmin:
    """Describes topics, caches their partition counts, creates missing ones."""

    def __init__(self, kafka: KafkaCluster, *, client_id: str) -> None:
        self._kafka = kafka
        self._client_id = f"{client_id}-topology"
        self._admin: AIOKafkaAdminClient | None = None
        self.partition_counts: dict[str, int] = {}
        """The topics known to exist, by their unprefixed names. A count that grows is found by ``refresh``."""
        self.confirmed: set[str] = set()
        """Those of them that were seen since the last ``invalidate``."""
        self._lock = asyncio.Lock()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, error_type: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self._close()

    async def describe(self, topics: Iterable[str]) -> ClusterMetadata:
        """Return the cluster and these topics as they are now; may raise ``OSError`` or ``KafkaError``."""
        async with self._lock:
            return await self._describe([self._kafka.prefixed(topic) for topic in topics])

    async def partitions(self, topic: str) -> int:
        """Return a topic's number of partitions, creating the topic if needed."""
        if topic not in self.confirmed:
            await self.ensure([topic])
        return self.partition_counts[topic]

    def invalidate(self) -> None:
        """Doubt that the topics exist: one may have been deleted, and is created again on next use."""
        self.confirmed.clear()

    async def refresh(self, topics: Iterable[str]) -> None:
        """Read the partition counts of these and all known topics, and forget those that do not exist; create none."""
        if known := self.partition_counts.keys() | set(topics):
            existing = (await self.describe(known)).topics
            self.partition_counts.clear()
            self.confirmed.clear()
            self._cache_partition_counts(existing)

    async def ensure(self, topics: Iterable[str]) -> None:
        """Create the topics that do not exist, and wait until each partition has a leader."""
        async with self._lock:
            missing = [topic for topic in topics if topic not in self.confirmed]
            if missing:
                async with asyncio.timeout(_CREATE_TIMEOUT_S):
                    await self._ensure(missing)

    async def _ensure(self, topics: list[str]) -> None:
        while True:
            existing = (await self._describe([self._kafka.prefixed(topic) for topic in topics])).topics
            self._cache_partition_counts(existing)
            missing = [topic for topic in topics if self._kafka.prefixed(topic) not in existing]
            if missing:
                await self._create(missing)
            elif all(existing[self._kafka.prefixed(topic)].has_leaders for topic in topics):
                return
            await asyncio.sleep(0.05)

    def _cache_partition_counts(self, topics: dict[str, TopicMetadata]) -> None:
        for name, topic in topics.items():
            if topic.has_leaders:
                self.partition_counts[self._kafka.unprefixed(name)] = topic.partitions
                self.confirmed.add(self._kafka.unprefixed(name))

    async def _create(self, topics: list[str]) -> None:
        specs = {topic: self._kafka.topic_spec(topic) for topic in topics}
        admin = await self._admin_client()
        response = await admin.create_topics(
            [
                NewTopic(
                    name=self._kafka.prefixed(topic),
                    num_partitions=spec.partitions,
                    replication_factor=-1,  # the broker's own default...
                    replica_assignments={},  # ...which aiokafka lets pass only with an assignment, be it empty
                    topic_configs={"message.timestamp.type": "LogAppendTime", **spec.config},
                )
                for topic, spec in specs.items()
            ]
        )
        for name, code, *details in response.topic_errors:
            if code not in {0, _TOPIC_ALREADY_EXISTS}:
                raise Unacknowledged(f"topic {name} could not be created: {details[0] if details else code}")

    async def _describe(self, prefixed_names: list[str]) -> ClusterMetadata:
        try:
            async with asyncio.timeout(REQUEST_TIMEOUT_S):
                admin = await self._admin_client()
                client = admin._client  # noqa: SLF001 - aiokafka's admin has no way to ask for topic ids
                return parse_metadata(await client.send(client.get_random_node(), MetadataRequest(prefixed_names)))
        except (KafkaError, OSError, TimeoutError):
            await self._close()
            raise

    async def _admin_client(self) -> AIOKafkaAdminClient:
        if self._admin is None:
            admin = AIOKafkaAdminClient(
                client_id=self._client_id,
                request_timeout_ms=int(REQUEST_TIMEOUT_S * 1000),
                **self._kafka.client_options(),
            )
            try:
                await admin.start()
            except BaseException:
                await admin.close()
                raise
            self._admin = admin
        return self._admin

    async def _close(self) -> None:
        admin, self._admin = self._admin, None
        if admin is not None:
            await admin.close()
