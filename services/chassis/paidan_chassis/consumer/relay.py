"""Publishes lanes' messages in order and tracks how far Kafka has acknowledged them. It writes to no database."""

import asyncio
import json
from collections import deque
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Final, NamedTuple, Protocol

from paidan_chassis.consumer.batch import Lane
from paidan_chassis.consumer.outbox_chunks import OutboxChunk
from paidan_chassis.consumer.positions import RelayProgress
from paidan_chassis.consumer.retry import exponential_backoff, retry
from paidan_chassis.errors import Unacknowledged
from paidan_chassis.kafka.errors import BatchTooLarge
from paidan_chassis.kafka.record_batch import RecordBatch
from paidan_chassis.observability.logs import Logger

_ROUND_MESSAGES: Final = 4000
_ROUND_CHUNKS: Final = 40
"""A partition's batches wait for each other: a round of very many small ones would never end in its time."""
_MIN_BACKOFF_S: Final = 0.1
_MAX_BACKOFF_S: Final = 2.0


class RecordSender(Protocol):
    """The producer that a relay sends with; ``Publisher`` is one."""

    async def send_batches(self, batches: Sequence[RecordBatch]) -> None:
        """Publish in order per partition, or raise ``Unacknowledged``."""

    async def partitions(self, topic: str) -> int:
        """Return a topic's number of partitions, creating the topic if needed, or raise ``Unacknowledged``."""


@dataclass(slots=True, eq=False)
class LaneQueue:
    """One lane's unacknowledged messages, and how far it is relayed according to Kafka and to the database."""

    relayed_seq: int
    saved_seq: int
    previous: dict[str, int]
    pending: deque[OutboxChunk] = field(default_factory=deque)


class _RelayRound(NamedTuple):
    """Batches to send, and per lane the number of its chunks that they are."""

    batches: list[RecordBatch]
    chunks_by_lane: list[tuple[LaneQueue, int]]


class Relay:
    """One task that publishes for all lanes of a consumer.

    A lane's chunks go out in the order they were committed. A round that fails is sent again as a whole: output may
    repeat, never skip.
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
        self, lane: Lane, *, relayed_seq: int, previous: Mapping[str, int], chunks: Iterable[OutboxChunk]
    ) -> None:
        """Start a lane with what the outbox holds above ``relayed_seq``, whoever wrote it, and drop its old queue."""
        self.drop([lane])
        self._queues[lane] = LaneQueue(relayed_seq, relayed_seq, dict(previous))
        for chunk in chunks:
            self.add(chunk)

    def add(self, chunk: OutboxChunk) -> None:
        """Queue the messages of a committed batch."""
        self._queues[chunk.lane].pending.append(chunk)
        self.backlog_size += chunk.message_count
        self._messages_added.set()

    def drop(self, lanes: Collection[Lane]) -> None:
        """Drop lanes' queues; the messages stay in the outbox for the next owner."""
        for lane in lanes:
            queue = self._queues.pop(lane, None)
            if queue is not None:
                self.backlog_size -= _message_count(queue.pending)
        self._backlog_shrunk.set()

    def backlog(self, lane: Lane) -> int:
        """Return the number of a lane's messages that are not acknowledged."""
        queue = self._queues.get(lane)
        return _message_count(queue.pending) if queue else 0

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
        if relay_round.batches:
            try:
                await self._sender.send_batches(relay_round.batches)
            except BatchTooLarge:
                _halve(relay_round)
                raise
            self._acknowledge(relay_round)

    async def _next_round(self) -> _RelayRound:
        relay_round = _RelayRound([], [])
        lanes = max(1, len(self._queues))
        for queue in list(self._queues.values()):
            chunks = list(islice(queue.pending, max(1, _ROUND_CHUNKS // lanes)))
            while len(chunks) > 1 and _message_count(chunks) > _ROUND_MESSAGES // lanes:
                chunks.pop()
            for batch in [batch for chunk in chunks for batch in chunk.batches]:
                partitions = await self._sender.partitions(batch.topic)
                # A topic that was deleted, and has fewer partitions now that it was created again.
                relay_round.batches.append(batch._replace(partition=batch.partition % partitions))
            relay_round.chunks_by_lane.append((queue, len(chunks)))
        return relay_round

    def _acknowledge(self, relay_round: _RelayRound) -> None:
        live_queues = set(map(id, self._queues.values()))
        for queue, count in relay_round.chunks_by_lane:
            if id(queue) not in live_queues:
                continue  # the lane was dropped meanwhile; its next owner sends this again
            for _ in range(count):
                chunk = queue.pending.popleft()
                queue.relayed_seq = chunk.last_seq
                queue.previous.update(chunk.last_seqs)
                self.backlog_size -= chunk.message_count
                self.relayed += chunk.message_count
        self.has_unsaved = True
        self._backlog_shrunk.set()


def _halve(relay_round: _RelayRound) -> None:
    """Halve all batches of a round: a topic may allow less than a batch holds, and the error does not say which."""
    for queue, count in relay_round.chunks_by_lane:
        for at, chunk in enumerate(list(queue.pending)[:count]):
            queue.pending[at] = chunk._replace(batches=[half for batch in chunk.batches for half in batch.halves()])


def _message_count(chunks: Iterable[OutboxChunk]) -> int:
    return sum(chunk.message_count for chunk in chunks)
