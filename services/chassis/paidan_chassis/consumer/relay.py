"""Publishes what lanes have said, in order, and knows how far Kafka has acknowledged it. It writes to no database."""

import asyncio
import json
from collections import deque
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Final, NamedTuple, Protocol

from paidan_chassis.consumer.errors import Unacknowledged
from paidan_chassis.consumer.outbox import SequencedMessage
from paidan_chassis.consumer.positions import RelayProgress
from paidan_chassis.consumer.records import Lane
from paidan_chassis.kafka.partitioner import partition_for
from paidan_chassis.kafka.producer import ProducerRecord
from paidan_chassis.observability.logs import Logger

_ROUND_MESSAGES: Final = 4000
_MIN_BACKOFF_S: Final = 0.1
_MAX_BACKOFF_S: Final = 2.0


class RecordSender(Protocol):
    """What a relay needs of a producer; ``Publisher`` is one."""

    async def send_in_order(self, parcels: Sequence[ProducerRecord]) -> None:
        """Publish in order per partition, or raise ``Unacknowledged``."""

    async def partitions(self, topic: str) -> int:
        """Count a topic's partitions, making the topic when it does not exist, or raise ``Unacknowledged``."""


@dataclass(slots=True, eq=False)
class LaneQueue:
    """One lane's way out: what waits, how far Kafka has it, and what of that the database knows."""

    origin: bytes
    relayed_seq: int
    saved_seq: int
    previous: dict[str, int]
    pending: deque[SequencedMessage] = field(default_factory=deque)


class _RelayRound(NamedTuple):
    """Messages under way: per lane how many, and what the trail looks like once they are acknowledged."""

    records: list[ProducerRecord]
    sent_by_lane: list[tuple[LaneQueue, int, dict[str, int]]]


class Relay:
    """One task that publishes for all lanes of a consumer.

    A lane's messages go out in the order of their numbers, each telling its origin, its number and the number before
    it in that topic-partition. A round that fails is sent again as a whole: output may repeat, never skip.
    """

    def __init__(self, consumer: str, sender: RecordSender, log: Logger) -> None:
        self.relayed = 0
        """Messages acknowledged since the start."""
        self._consumer = consumer
        self._sender = sender
        self._log = log
        self._queues: dict[Lane, LaneQueue] = {}
        self._backlog = 0
        self._backlog_shrunk = asyncio.Event()
        self._messages_added = asyncio.Event()

    def take_over(
        self, lane: Lane, *, relayed_seq: int, previous: Mapping[str, int], messages: Iterable[SequencedMessage]
    ) -> None:
        """Begin with what the outbox holds above ``relayed_seq``, whoever wrote it; what was known is dropped."""
        self.drop([lane])
        origin = f"{self._consumer}/{lane}".encode()
        self._queues[lane] = LaneQueue(origin, relayed_seq, relayed_seq, dict(previous))
        self.add(lane, list(messages))

    def add(self, lane: Lane, messages: Sequence[SequencedMessage]) -> None:
        """Queue what a committed batch has said."""
        self._queues[lane].pending.extend(messages)
        self._backlog += len(messages)
        self._messages_added.set()

    def drop(self, lanes: Collection[Lane]) -> None:
        """Let go of lanes: what waits stays in the outbox for whoever owns them next."""
        for lane in lanes:
            trail = self._queues.pop(lane, None)
            if trail is not None:
                self._backlog -= len(trail.pending)
        self._backlog_shrunk.set()

    def backlog(self, lane: Lane) -> int:
        """Count a lane's messages that are not acknowledged."""
        trail = self._queues.get(lane)
        return len(trail.pending) if trail else 0

    def unsaved(self, lanes: Iterable[Lane]) -> dict[Lane, RelayProgress]:
        """Tell how far lanes are relayed, for those of which the database does not know it yet."""
        trails = ((lane, self._queues.get(lane)) for lane in lanes)
        return {
            lane: RelayProgress(trail.relayed_seq, json.dumps(trail.previous, separators=(",", ":")))
            for lane, trail in trails
            if trail and trail.relayed_seq > trail.saved_seq
        }

    def mark_saved(self, relayed: Mapping[Lane, RelayProgress]) -> None:
        """Remember what the database knows now."""
        for lane, each in relayed.items():
            if lane in self._queues:
                self._queues[lane].saved_seq = max(self._queues[lane].saved_seq, each.seq)

    async def wait_for_backlog(self, limit: int) -> None:
        """Wait until no more than so many messages wait for Kafka."""
        while self._backlog > limit:
            self._backlog_shrunk.clear()
            await self._backlog_shrunk.wait()

    async def run(self) -> None:
        """Publish for ever. Faults of Kafka are waited out; anything else is a bug and is raised."""
        while True:
            await self._messages_added.wait()
            self._messages_added.clear()
            while self._backlog:
                await self._relay_round()

    async def _relay_round(self) -> None:
        backoff_s = _MIN_BACKOFF_S
        while self._backlog:
            try:
                relay_round = await self._next_round()
                await self._sender.send_in_order(relay_round.records)
            except Unacknowledged as error:
                self._log.warning("relay_delayed", waiting=self._backlog, fault=str(error), retry_in_s=backoff_s)
                await asyncio.sleep(backoff_s)
                backoff_s = min(2 * backoff_s, _MAX_BACKOFF_S)
            else:
                self._acknowledge(relay_round)
                return

    async def _next_round(self) -> _RelayRound:
        records: list[ProducerRecord] = []
        sent_by_lane: list[tuple[LaneQueue, int, dict[str, int]]] = []
        lane_limit = max(1, _ROUND_MESSAGES // max(1, len(self._queues)))
        for trail in list(self._queues.values()):
            if trail.pending:
                selected = list(islice(trail.pending, lane_limit))
                partition_counts = {
                    topic: await self._sender.partitions(topic) for topic in {each[1].topic for each in selected}
                }
                previous = dict(trail.previous)
                records += [_to_producer_record(each, trail.origin, previous, partition_counts) for each in selected]
                sent_by_lane.append((trail, len(selected), previous))
        return _RelayRound(records, sent_by_lane)

    def _acknowledge(self, relay_round: _RelayRound) -> None:
        live_queues = set(map(id, self._queues.values()))
        for trail, count, previous in relay_round.sent_by_lane:
            if id(trail) not in live_queues:
                continue  # the lane was let go meanwhile; its next owner sends this again
            for _ in range(count):
                trail.relayed_seq = trail.pending.popleft().seq
            trail.previous = previous
            self._backlog -= count
        self.relayed += len(relay_round.records)
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
