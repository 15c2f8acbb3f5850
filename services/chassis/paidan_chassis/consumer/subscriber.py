"""The consumer group's member: FastStream's batch subscriber, with nothing parsed, acknowledged or skipped by it."""

import re
from collections.abc import Awaitable, Callable, Iterable, Sequence
from datetime import UTC, datetime
from itertools import chain
from typing import Any, Final, TypeAlias

from aiokafka import AIOKafkaConsumer, ConsumerRebalanceListener, ConsumerRecord, TopicPartition
from faststream import AckPolicy
from faststream.kafka import KafkaBroker
from faststream.kafka.message import FAKE_CONSUMER, KafkaMessage
from faststream.kafka.subscriber.usecase import BatchSubscriber

from paidan_chassis.consumer.batch import Lane, Record
from paidan_chassis.consumer.config import Subscription
from paidan_chassis.kafka.aiokafka_patches import accept_non_utf8_header_names, disable_prefetch_backoff
from paidan_chassis.kafka.cluster import KafkaCluster

PolledRecords: TypeAlias = "tuple[ConsumerRecord[Any, Any], ...]"
OnBatch: TypeAlias = Callable[[PolledRecords], Awaitable[None]]

_METADATA_AGE_MS: Final = 10_000
_PATTERN_METADATA_AGE_MS: Final = 3_000
"""A new topic under a prefix is found after this time at the latest."""
_FETCH_WAIT_MS: Final = 500
_GATHER_MIN_BYTES: Final = 1024 * 1024


class GroupSubscriber:
    """One member of a consumer group."""

    def __init__(self, subscription: Subscription, kafka: KafkaCluster, *, listener: ConsumerRebalanceListener) -> None:
        accept_non_utf8_header_names()
        disable_prefetch_backoff()
        BatchSubscriber.get_msg = poll_records  # type: ignore[method-assign,assignment]
        self._prefix = kafka.prefix
        self._broker = KafkaBroker(
            kafka.servers.split(","),
            client_id=subscription.name,
            apply_types=False,
            logger=None,  # it would write two lines a batch
            graceful_timeout=None,  # a stop waits for the running batch by its lock
            consumer_only=True,
            allow_auto_create_topics=False,
            metadata_max_age_ms=_PATTERN_METADATA_AGE_MS if subscription.prefixes else _METADATA_AGE_MS,
            security=kafka.security,
        )
        pattern = _topic_pattern(subscription, kafka)
        self._subscriber = self._broker.subscriber(
            *([] if pattern else [kafka.prefixed(topic) for topic in subscription.topics]),
            pattern=pattern,
            batch=True,
            group_id=kafka.prefixed(subscription.name),
            ack_policy=AckPolicy.MANUAL,
            # The default parser raises on a header that is not UTF-8, and the poll would be lost.
            parser=_passthrough_parser,
            decoder=_passthrough_decoder,
            max_records=subscription.tuning.max_records,
            batch_timeout_ms=subscription.tuning.poll_timeout_ms,
            auto_offset_reset="earliest",
            fetch_min_bytes=_GATHER_MIN_BYTES if subscription.tuning.fetch_wait_ms else 1,
            fetch_max_wait_ms=subscription.tuning.fetch_wait_ms or _FETCH_WAIT_MS,
            session_timeout_ms=subscription.tuning.session_timeout_ms,
            heartbeat_interval_ms=subscription.tuning.session_timeout_ms // 4,
            max_poll_interval_ms=300_000,
            listener=listener,
        )

    def deliver_to(self, on_batch: OnBatch) -> None:
        """Register the function that gets the records of every poll; once, before ``start``."""
        self._subscriber(on_batch)

    async def start(self) -> None:
        """Join the group and begin to poll."""
        await self._broker.start()

    async def stop(self) -> None:
        """Leave the group."""
        await self._broker.stop()

    @property
    def client(self) -> AIOKafkaConsumer | None:
        """aiokafka's consumer; None before the start."""
        return self._subscriber.consumer

    def assigned_lanes(self) -> set[Lane]:
        """Return the lanes that the group has assigned to this process."""
        return {self.to_lane(each) for each in self.client.assignment()} if self.client else set()

    def to_lane(self, partition: TopicPartition) -> Lane:
        return Lane(partition.topic.removeprefix(self._prefix), partition.partition)

    def to_topic_partition(self, lane: Lane) -> TopicPartition:
        return TopicPartition(self._prefix + lane.topic, lane.partition)

    def seek(self, lane: Lane, offset: int) -> None:
        """Poll a lane from this offset on, if it is still assigned."""
        if self.client is not None and self.to_topic_partition(lane) in self.client.assignment():
            self.client.seek(self.to_topic_partition(lane), offset)

    def pause(self, lane: Lane) -> None:
        """Poll a lane no more, as long as it is assigned."""
        if self.client is not None and self.to_topic_partition(lane) in self.client.assignment():
            self.client.pause(self.to_topic_partition(lane))

    def last_known_end(self, lane: Lane) -> int | None:
        """Return the offset of a lane's next record, as the last poll found it; None before the first."""
        if self.client is None or self.to_topic_partition(lane) not in self.client.assignment():
            return None
        end: int | None = self.client.highwater(self.to_topic_partition(lane))
        return end

    def to_records(self, polled: PolledRecords) -> list[Record]:
        """Return the polled records of lanes that are still assigned, lane by lane, each in the order of its log."""
        assigned = self.client.assignment() if self.client else set()
        if not {(each.topic, each.partition) for each in polled} <= assigned:
            polled = tuple(each for each in polled if (each.topic, each.partition) in assigned)
        topics = {name: name.removeprefix(self._prefix) for name in {each.topic for each in polled}}
        appended_at = {
            millis: datetime.fromtimestamp(millis / 1000, UTC) for millis in {each.timestamp for each in polled}
        }
        return [
            Record(
                topics[each.topic],
                each.partition,
                each.offset,
                each.key,
                each.value,
                tuple(each.headers),
                appended_at[each.timestamp],
            )
            for each in polled
        ]


def _topic_pattern(subscription: Subscription, kafka: KafkaCluster) -> str | None:
    if not subscription.prefixes:
        return None
    names: Iterable[str] = (
        *(re.escape(kafka.prefixed(topic)) + "$" for topic in subscription.topics),
        *(re.escape(kafka.prefixed(prefix)) for prefix in subscription.prefixes),
    )
    return f"^({'|'.join(names)})"


async def poll_records(subscriber: BatchSubscriber, consumer: AIOKafkaConsumer) -> PolledRecords:
    """Return the next records, or none after the poll's time-out.

    FastStream's own method sleeps as long again after an empty poll, and sees no record meanwhile: its time-out would
    have to be so short that an idle consumer takes 2 % of a core.
    """
    polled = await consumer.getmany(timeout_ms=subscriber.batch_timeout_ms, max_records=subscriber.max_records)
    return tuple(chain.from_iterable(polled.values()))


async def _passthrough_parser(polled: Sequence[Any]) -> KafkaMessage:
    return KafkaMessage(raw_message=polled, body=polled, consumer=FAKE_CONSUMER, correlation_id="", message_id="")


async def _passthrough_decoder(message: KafkaMessage) -> object:
    return message.raw_message
