"""FastStream's batch subscriber as this project needs it: nothing parsed, nothing acknowledged, nothing skipped."""

import re
from collections.abc import Awaitable, Callable, Iterable, Sequence
from datetime import UTC, datetime
from typing import Any, Final, TypeAlias

from aiokafka import AIOKafkaConsumer, ConsumerRebalanceListener, ConsumerRecord, TopicPartition
from faststream import AckPolicy
from faststream.kafka import KafkaBroker
from faststream.kafka.message import FAKE_CONSUMER, KafkaMessage

from paidan_chassis.consumer.config import Subscription
from paidan_chassis.consumer.records import Lane, Record
from paidan_chassis.kafka.aiokafka_patches import forgive
from paidan_chassis.kafka.cluster import Kafka
from paidan_chassis.kafka.prefetching import take_before_fetching

Batch: TypeAlias = "tuple[ConsumerRecord[Any, Any], ...]"
Take: TypeAlias = Callable[[Batch], Awaitable[None]]

_METADATA_AGE_MS: Final = 10_000
_METADATA_AGE_OF_PATTERN_MS: Final = 3_000
"""A new topic under a prefix is found this late."""
_FETCH_WAIT_MS: Final = 500
_MUCH_BYTES: Final = 1024 * 1024


class Source:
    """One member of the consumer group."""

    def __init__(self, reading: Subscription, kafka: Kafka, *, take: Take, listener: ConsumerRebalanceListener) -> None:
        forgive()
        take_before_fetching()
        self._kafka = kafka
        self._broker = KafkaBroker(
            kafka.servers.split(","),
            client_id=reading.name,
            apply_types=False,
            logger=None,  # it would write two lines a batch
            graceful_timeout=None,  # the batch in hand is waited for by the turn it has
            consumer_only=True,
            allow_auto_create_topics=False,
            metadata_max_age_ms=_METADATA_AGE_OF_PATTERN_MS if reading.prefixes else _METADATA_AGE_MS,
            security=kafka.security,
        )
        pattern = _pattern(reading, kafka)
        self._subscriber = self._broker.subscriber(
            *([] if pattern else [kafka.real(topic) for topic in reading.topics]),
            pattern=pattern,
            batch=True,
            group_id=kafka.real(reading.name),
            ack_policy=AckPolicy.MANUAL,
            # The default parser raises on a header that is not UTF-8, and the poll would be lost.
            parser=_as_it_came,
            decoder=_undecoded,
            max_records=reading.pace.max_records,
            batch_timeout_ms=reading.pace.poll_ms,
            auto_offset_reset="earliest",
            fetch_min_bytes=_MUCH_BYTES if reading.pace.gather_ms else 1,
            fetch_max_wait_ms=reading.pace.gather_ms or _FETCH_WAIT_MS,
            session_timeout_ms=reading.pace.session_timeout_ms,
            heartbeat_interval_ms=reading.pace.session_timeout_ms // 4,
            max_poll_interval_ms=300_000,
            listener=listener,
        )
        self._subscriber(take)

    async def start(self) -> None:
        """Join the group; batches begin to come."""
        await self._broker.start()

    async def stop(self) -> None:
        """Leave the group."""
        await self._broker.stop()

    @property
    def client(self) -> AIOKafkaConsumer | None:
        """aiokafka's consumer, once there is one."""
        return self._subscriber.consumer

    def owned(self) -> set[Lane]:
        """Name the lanes that the group has given this process."""
        return {self.lane(each) for each in self.client.assignment()} if self.client else set()

    def lane(self, partition: TopicPartition) -> Lane:
        return Lane(self._kafka.plain(partition.topic), partition.partition)

    def partition(self, lane: Lane) -> TopicPartition:
        return TopicPartition(self._kafka.real(lane.topic), lane.partition)

    def seek(self, lane: Lane, offset: int) -> None:
        """Read a lane from here on, if it is still ours."""
        if self.client is not None and self.partition(lane) in self.client.assignment():
            self.client.seek(self.partition(lane), offset)

    def records(self, batch: Batch) -> list[Record]:
        """Turn a poll into records, lane by lane, each in the order of its log."""
        plain = {name: self._kafka.plain(name) for name in {each.topic for each in batch}}
        times: dict[int, datetime] = {}
        for millis in {each.timestamp for each in batch}:
            times[millis] = datetime.fromtimestamp(millis / 1000, UTC)
        return [
            Record(
                plain[each.topic],
                each.partition,
                each.offset,
                each.key,
                each.value,
                tuple(each.headers),
                times[each.timestamp],
            )
            for each in batch
        ]


def _pattern(reading: Subscription, kafka: Kafka) -> str | None:
    if not reading.prefixes:
        return None
    names: Iterable[str] = (
        *(re.escape(kafka.real(topic)) + "$" for topic in reading.topics),
        *(re.escape(kafka.real(prefix)) for prefix in reading.prefixes),
    )
    return f"^({'|'.join(names)})"


async def _as_it_came(batch: Sequence[Any]) -> KafkaMessage:
    return KafkaMessage(raw_message=batch, body=batch, consumer=FAKE_CONSUMER, correlation_id="", message_id="")


async def _undecoded(message: KafkaMessage) -> object:
    return message.raw_message
