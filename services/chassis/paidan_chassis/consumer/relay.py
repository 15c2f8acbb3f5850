"""Publishes what lanes have said, in order, and knows how far Kafka has acknowledged it. It writes to no database."""

import asyncio
import json
from collections import deque
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Final, NamedTuple, Protocol

from paidan_chassis.consumer.errors import Unacknowledged
from paidan_chassis.consumer.outbox import Numbered
from paidan_chassis.consumer.positions import Relayed
from paidan_chassis.consumer.records import Lane
from paidan_chassis.kafka.partitioner import partition_for
from paidan_chassis.kafka.producer import Parcel
from paidan_chassis.observability.logs import Log

_ROUND: Final = 4000
_FIRST_PAUSE_S: Final = 0.1
_LONGEST_PAUSE_S: Final = 2.0


class Carrier(Protocol):
    """What a relay needs of a producer; ``Publisher`` is one."""

    async def carry(self, parcels: Sequence[Parcel]) -> None:
        """Publish in order per partition, or raise ``Unacknowledged``."""

    async def partitions(self, topic: str) -> int:
        """Count a topic's partitions, making the topic when it does not exist, or raise ``Unacknowledged``."""


@dataclass(slots=True, eq=False)
class Trail:
    """One lane's way out: what waits, how far Kafka has it, and what of that the database knows."""

    origin: bytes
    relayed_seq: int
    noted_seq: int
    previous: dict[str, int]
    waiting: deque[Numbered] = field(default_factory=deque)


class _Round(NamedTuple):
    """Messages under way: per lane how many, and what the trail looks like once they are acknowledged."""

    parcels: list[Parcel]
    taken: list[tuple[Trail, int, dict[str, int]]]


class Relay:
    """One task that publishes for all lanes of a consumer.

    A lane's messages go out in the order of their numbers, each telling its origin, its number and the number before
    it in that topic-partition. A round that fails is sent again as a whole: output may repeat, never skip.
    """

    def __init__(self, consumer: str, carrier: Carrier, log: Log) -> None:
        self.relayed = 0
        """Messages acknowledged since the start."""
        self._consumer = consumer
        self._carrier = carrier
        self._log = log
        self._trails: dict[Lane, Trail] = {}
        self._backlog = 0
        self._fewer = asyncio.Event()
        self._wake = asyncio.Event()

    def take_over(self, lane: Lane, *, relayed_seq: int, previous: Mapping[str, int], said: Iterable[Numbered]) -> None:
        """Begin with what the outbox holds above ``relayed_seq``, whoever wrote it; what was known is dropped."""
        self.drop([lane])
        origin = f"{self._consumer}/{lane}".encode()
        self._trails[lane] = Trail(origin, relayed_seq, relayed_seq, dict(previous))
        self.add(lane, list(said))

    def add(self, lane: Lane, said: Sequence[Numbered]) -> None:
        """Queue what a committed batch has said."""
        self._trails[lane].waiting.extend(said)
        self._backlog += len(said)
        self._wake.set()

    def drop(self, lanes: Collection[Lane]) -> None:
        """Let go of lanes: what waits stays in the outbox for whoever owns them next."""
        for lane in lanes:
            trail = self._trails.pop(lane, None)
            if trail is not None:
                self._backlog -= len(trail.waiting)
        self._fewer.set()

    def backlog(self, lane: Lane) -> int:
        """Count a lane's messages that are not acknowledged."""
        trail = self._trails.get(lane)
        return len(trail.waiting) if trail else 0

    def unnoted(self, lanes: Iterable[Lane]) -> dict[Lane, Relayed]:
        """Tell how far lanes are relayed, for those of which the database does not know it yet."""
        trails = ((lane, self._trails.get(lane)) for lane in lanes)
        return {
            lane: Relayed(trail.relayed_seq, json.dumps(trail.previous, separators=(",", ":")))
            for lane, trail in trails
            if trail and trail.relayed_seq > trail.noted_seq
        }

    def noted(self, relayed: Mapping[Lane, Relayed]) -> None:
        """Remember what the database knows now."""
        for lane, each in relayed.items():
            if lane in self._trails:
                self._trails[lane].noted_seq = max(self._trails[lane].noted_seq, each.seq)

    async def below(self, limit: int) -> None:
        """Wait until no more than so many messages wait for Kafka."""
        while self._backlog > limit:
            self._fewer.clear()
            await self._fewer.wait()

    async def run(self) -> None:
        """Publish for ever. Faults of Kafka are waited out; anything else is a bug and is raised."""
        while True:
            await self._wake.wait()
            self._wake.clear()
            while self._backlog:
                await self._until_acknowledged()

    async def _until_acknowledged(self) -> None:
        pause_s = _FIRST_PAUSE_S
        while self._backlog:
            try:
                sent = await self._next_round()
                await self._carrier.carry(sent.parcels)
            except Unacknowledged as error:
                self._log.warning("relay_delayed", waiting=self._backlog, fault=str(error), retry_in_s=pause_s)
                await asyncio.sleep(pause_s)
                pause_s = min(2 * pause_s, _LONGEST_PAUSE_S)
            else:
                self._settle(sent)
                return

    async def _next_round(self) -> _Round:
        parcels: list[Parcel] = []
        taken: list[tuple[Trail, int, dict[str, int]]] = []
        share = max(1, _ROUND // max(1, len(self._trails)))
        for trail in list(self._trails.values()):
            if trail.waiting:
                chosen = list(islice(trail.waiting, share))
                counts = {topic: await self._carrier.partitions(topic) for topic in {each[1].topic for each in chosen}}
                previous = dict(trail.previous)
                parcels += [_parcel(each, trail.origin, previous, counts) for each in chosen]
                taken.append((trail, len(chosen), previous))
        return _Round(parcels, taken)

    def _settle(self, sent: _Round) -> None:
        mine = set(map(id, self._trails.values()))
        for trail, count, previous in sent.taken:
            if id(trail) not in mine:
                continue  # the lane was let go meanwhile; its next owner sends this again
            for _ in range(count):
                trail.relayed_seq = trail.waiting.popleft().seq
            trail.previous = previous
            self._backlog -= count
        self.relayed += len(sent.parcels)
        self._fewer.set()


def _parcel(numbered: Numbered, origin: bytes, previous: dict[str, int], counts: Mapping[str, int]) -> Parcel:
    seq, (topic, key, value, headers) = numbered
    key_bytes = key.encode()
    partition = partition_for(key_bytes, counts[topic])
    target = f"{topic}-{partition}"
    stamped = [
        *headers,
        ("ce_origin", origin),
        ("ce_sequence", b"%d" % seq),
        ("ce_previous", b"%d" % previous.get(target, 0)),
    ]
    previous[target] = seq
    return Parcel(topic, partition, key_bytes, value, stamped)
