"""Taking a lane over: is its log the one that its position means, where does it go on, what was left unsaid."""

import asyncio
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any, Final, NamedTuple, Protocol

from aiokafka import TopicPartition

from paidan_chassis.consumer import halts, outbox, positions
from paidan_chassis.consumer.errors import Halt, Halted
from paidan_chassis.consumer.lane_state import (
    At,
    LogFound,
    Stand,
    anchored,
    check,
)
from paidan_chassis.consumer.outbox import Numbered
from paidan_chassis.consumer.positions import Anchored
from paidan_chassis.consumer.records import Lane
from paidan_chassis.database import Connection
from paidan_chassis.kafka.cluster import Kafka
from paidan_chassis.kafka.metadata_v12 import ClusterFound
from paidan_chassis.kafka.topic_admin import Topology

_ASKED_WITHIN_S: Final = 5.0
_LOOKS: Final = 4
_BETWEEN_LOOKS_S: Final = 0.7


class Log(Protocol):
    """What taking over needs of a consumer's client; aiokafka's is one."""

    async def beginning_offsets(self, partitions: Sequence[Any]) -> dict[Any, int]:
        """Tell where logs begin."""

    async def end_offsets(self, partitions: Sequence[Any]) -> dict[Any, int]:
        """Tell where logs end."""


class Taken(NamedTuple):
    """A lane taken over: where it stands, how far it is relayed, and what is to be relayed before anything new."""

    stand: Stand
    relayed_seq: int
    previous: Mapping[str, int]
    unsaid: list[Numbered]


class Anchoring:
    """Reads and, where needed, makes the rows of lanes. Writes nothing that is known already."""

    def __init__(self, consumer: str, kafka: Kafka, topology: Topology) -> None:
        self._consumer = consumer
        self._kafka = kafka
        self._topology = topology

    async def take_over(self, conn: Connection, log: Log, lanes: Collection[Lane]) -> dict[Lane, Taken]:
        """Take lanes over; raises ``Halt`` when an offset means something else now, ``Halted`` when a halt is kept."""
        for halt in await halts.standing(conn, self._consumer):
            raise Halted(self._consumer, halt.reason, halt.detail)
        logs = await self._anchor(conn, log, lanes)
        async with conn.transaction(isolation="repeatable_read", readonly=True):
            # One snapshot: between a row and its outbox, another owner could relay and prune.
            rows = await positions.read(conn, self._consumer, lanes)
            return {lane: await self._taken(conn, lane, row, logs[lane]) for lane, row in rows.items()}

    async def verify(self, log: Log, stands: Mapping[Lane, Stand]) -> None:
        """Raise ``Halt`` when a lane's log is no longer the one that it was taken over with."""
        await self._agreeing(log, lambda logs: _check_all(logs, stands), stands)

    async def logs(self, log: Log, lanes: Collection[Lane]) -> Mapping[Lane, LogFound]:
        """Ask what the lanes' logs are now."""
        found = await self._topology.found({lane.topic for lane in lanes})
        partitions = {lane: TopicPartition(self._kafka.real(lane.topic), lane.partition) for lane in lanes}
        async with asyncio.timeout(_ASKED_WITHIN_S):
            starts = await log.beginning_offsets(list(partitions.values()))
            ends = await log.end_offsets(list(partitions.values()))
        return {
            lane: LogFound(found.cluster_id, _topic_id(found, partition.topic), starts[partition], ends[partition])
            for lane, partition in partitions.items()
        }

    async def reach(self) -> None:
        """Ask the cluster for its id over a connection of our own; raises when it cannot be reached."""
        await self._topology.found([])

    async def _anchor(self, conn: Connection, log: Log, lanes: Collection[Lane]) -> Mapping[Lane, LogFound]:
        rows = await positions.read(conn, self._consumer, lanes)
        logs = await self._agreeing(
            log, lambda logs: [anchored(lane, rows.get(lane), logs[lane]) for lane in lanes], lanes
        )
        for lane in lanes:
            at = anchored(lane, rows.get(lane), logs[lane])
            if at is not None:
                await positions.anchor(conn, self._consumer, lane, at)
        return logs

    async def _agreeing(
        self, log: Log, agree: Callable[[Mapping[Lane, LogFound]], object], lanes: Collection[Lane]
    ) -> Mapping[Lane, LogFound]:
        # A broker that has only just started may tell an older end of its log for a moment: look again before halting.
        for look in range(_LOOKS):
            logs = await self.logs(log, lanes)
            try:
                agree(logs)
            except Halt:
                if look == _LOOKS - 1:
                    raise
                await asyncio.sleep(_BETWEEN_LOOKS_S)
            else:
                break
        return logs

    async def _taken(self, conn: Connection, lane: Lane, row: Anchored, log: LogFound) -> Taken:
        at = row.position
        unsaid = await outbox.above(conn, self._consumer, lane, relayed_seq=at.relayed_seq, seq=at.seq)
        return Taken(Stand(at.next_offset, at.seq, log), at.relayed_seq, row.previous, unsaid)


def _check_all(logs: Mapping[Lane, LogFound], stands: Mapping[Lane, Stand]) -> None:
    for lane, stand in stands.items():
        check(lane, logs[lane], At(stand.next_offset, stand.log.cluster_id, stand.log.topic_id))


def _topic_id(found: ClusterFound, real_name: str) -> str:
    return found.topics[real_name].topic_id if real_name in found.topics else "deleted"
