"""Publishes lanes' messages in order and tracks how far Kafka has acknowledged them. It writes to no database."""

import asyncio
import json
from collections import deque
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Final, NamedTuple, Protocol

from paidan_chassis.consumer.batch import Lane
from paidan_chassis.consumer.positions import RelayProgress, SequencedMessage
from paidan_chassis.consumer.retry import exponential_backoff, retry
from paidan_chassis.errors import Unacknowledged
from paidan_chassis.kafka.producer import ProducerRecord, partition_for
from paidan_chassis.observability.logs import Logger

_ROUND_MESSAGES: Final = 4000
_MIN_BACKOFF_S: Final = 0.1
_MAX_BACKOFF_S: Final = 2.0


class RecordSender(Protocol):
    """The producer that a relay sends with; ``Publisher`` is one."""

    async def send_in_order(self, records: Sequence[ProducerRecord]) -> None:
        """Publish in order per partition, or raise ``Unacknowledged``."""

    async def partitions(self, topic: str) -> int:
        """Return a topic's number of partitions, creating the topic if needed, or raise ``Unacknowledged``."""


@dataclass(slots=True, eq=False)
class LaneQueue:
    """One lane's unacknowledged messages, and how far it is relayed according to Kafka and to the database."""

    origin: bytes
    relayed_seq: int
    saved_seq: int
    previous: dict[str, int]
    pending: deque[SequencedMessage] = field(default_factory=deque)


class _RelayRound(NamedTuple):
    """Records to send, and per lane their number and its ``previous`` once they are acknowledged."""

    records: list[ProducerRecord]
    sent_by_lane: list[tuple[LaneQueue, int, dict[str, int]]]


class Relay:
    """One task that publishes for all lanes of a consumer.

    A lane's messages go out in the order of their numbers, each with its origin, its number and the number before it
    in that topic-partition. A round that fails is sent again as a whole: output may repeat, never skip.
    """

    def __init__(self, consumer: str, sender: RecordSender, log: Logger) -> None:
        self.relayed = 0
        """Messages acknowledged since the start."""
        self.backlog_size = 0
        """Messages of all lanes that are not acknowledged."""
        self.has_unsaved = False
        """Whether ``unsaved`` may return anything."""
        self._consumer = consumer
        self._sender = sender
        self._log = log
        self._queues: dict[Lane, LaneQueue] = {}
        self._backlog_shrunk = asyncio.Event()
        self._messages_added = asyncio.Event()

    def take_over(
        self, lane: Lane, *, relayed_seq: int, previous: Mapping[str, int], messages: Iterable[SequencedMessage]
    ) -> None:
        """Start a lane with what the outbox holds above ``relayed_seq``, whoever wrote it, and drop its old queue."""
        self.drop([lane])
        origin = f"{self._consumer}/{lane}".encode()
        self._queues[lane] = LaneQueue(origin, relayed_seq, relayed_seq, dict(previous))
        self.add(lane, list(messages))

    def add(self, lane: Lane, messages: Sequence[SequencedMessage]) -> None:
        """Queue the messages of a committed batch."""
        self._queues[lane].pending.extend(messages)
        self.backlog_size += len(messages)
        self._messages_added.set()

    def drop(self, lanes: Collection[Lane]) -> None:
        """Drop lanes' queues; the messages stay in the outbox for the next owner."""
        for lane in lanes:
            queue = self._queues.pop(lane, None)
            if queue is not None:
                self.backlog_size -= len(queue.pending)
        self._backlog_shrunk.set()

    def backlog(self, lane: Lane) -> int:
        """Return the number of a lane's messages that are not acknowledged."""
        queue = self._queues.get(lane)
        return len(queue.pending) if queue else 0

    def unsaved(self, lanes: Iterable[Lane]) -> dict[Lane, RelayProgress]:
        """Return how far these lanes are relayed, where that is not saved in the database yet."""
        queues = ((lane, self._queues.get(lane)) for lane in lanes)
        return {
            lane: RelayProgress(queue.relayed_seq, json.dumps(queue.previous, separators=(",", ":")))
            for lane, queue in queues
            if queue and queue.relayed_seq > queue.saved_seq
        }

    def mark_saved(self, relayed: Mapping[Lane, RelayProgress]) -> None:
        """Record that this progress is saved in the database."""
        for lane, each in relayed.items():
            if lane in self._queues:
                self._queues[lane].saved_seq = max(self._queues[lane].saved_seq, each.seq)
        self.has_unsaved = any(queue.relayed_seq > queue.saved_seq for queue in self._queues.values())

    async def wait_for_backlog(self, limit: int) -> None:
        """Wait until no more than ``limit`` messages are unacknowledged."""
        while self.backlog_size > limit:
            self._backlog_shrunk.clear()
            await self._backlog_shrunk.wait()

    async def run(self) -> None:
        """Publish for ever. Errors of Kafka are retried; anything else is a bug and is raised."""
        while True:
            await self._messages_added.wait()
            self._messages_added.clear()
            while self.backlog_size:
                try:
                    await self._send_round()
                except Unacknowledged as error:
                    delays = exponential_backoff(_MIN_BACKOFF_S, _MAX_BACKOFF_S)
                    await retry(self._send_round, delays, errors=(Unacknowledged,), pause=self._back_off, failure=error)

    async def _back_off(self, error: Exception, backoff_s: float) -> None:
        self._log.warning("relay_delayed", waiting=self.backlog_size, fault=str(error), retry_in_s=backoff_s)
        await asyncio.sleep(backoff_s)

    async def _send_round(self) -> None:
        relay_round = await self._next_round()
        if relay_round.records:
            await self._sender.send_in_order(relay_round.records)
            self._acknowledge(relay_round)

    async def _next_round(self) -> _RelayRound:
        records: list[ProducerRecord] = []
        sent_by_lane: list[tuple[LaneQueue, int, dict[str, int]]] = []
        lane_limit = max(1, _ROUND_MESSAGES // max(1, len(self._queues)))
        for queue in list(self._queues.values()):
            if queue.pending:
                selected = list(islice(queue.pending, lane_limit))
                partition_counts = {
                    topic: await self._sender.partitions(topic) for topic in {each[1].topic for each in selected}
                }
                previous = dict(queue.previous)
                records += [_to_producer_record(each, queue.origin, previous, partition_counts) for each in selected]
                sent_by_lane.append((queue, len(selected), previous))
        return _RelayRound(records, sent_by_lane)

    def _acknowledge(self, relay_round: _RelayRound) -> None:
        live_queues = set(map(id, self._queues.values()))
        for queue, count, previous in relay_round.sent_by_lane:
            if id(queue) not in live_queues:
                continue  # the lane was dropped meanwhile; its next owner sends this again
            for _ in range(count):
                queue.relayed_seq = queue.pending.popleft().seq
            queue.previous = previous
            self.backlog_size -= count
        self.relayed += len(relay_round.records)
        self.has_unsaved = True
        self._backlog_shrunk.set()


def _to_producer_record(
    sequenced: SequencedMessage, origin: bytes, previous: dict[str, int], partition_counts: Mapping[str, int]
) -> ProducerRecord:
    seq, (topic, key, value, headers) = sequenced
    key_bytes = key.encode()
    partition = partition_for(key_bytes, partition_counts[topic])
    target = f"{topic}-{partition}"
    all_headers = [
        *headers,
        ("ce_origin", origin),
        ("ce_sequence", b"%d" % seq),
        ("ce_previous", b"%d" % previous.get(target, 0)),
    ]
    previous[target] = seq
    return ProducerRecord(topic, partition, key_bytes, value, all_headers)
