"""Taking a lane over: is its log the one that its position means, where does it go on, what was left unsaid."""

import asyncio
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any, Final, NamedTuple, Protocol

from aiokafka import TopicPartition

from paidan_chassis.consumer import halts, outbox, positions
from paidan_chassis.consumer.errors import Halt, Halted
from paidan_chassis.consumer.lane_state import (
    LaneState,
    LogBounds,
    LogPosition,
    check_position,
    initial_position,
)
from paidan_chassis.consumer.outbox import SequencedMessage
from paidan_chassis.consumer.positions import StoredLane
from paidan_chassis.consumer.records import Lane
from paidan_chassis.database import Connection
from paidan_chassis.kafka.cluster import KafkaCluster
from paidan_chassis.kafka.metadata_v12 import ClusterMetadata
from paidan_chassis.kafka.topic_admin import TopicAdmin

_OFFSETS_TIMEOUT_S: Final = 5.0
_MAX_CHECKS: Final = 4
_RECHECK_PAUSE_S: Final = 0.7


class OffsetsClient(Protocol):
    """What taking over needs of a consumer's client; aiokafka's is one."""

    async def beginning_offsets(self, partitions: Sequence[Any]) -> dict[Any, int]:
        """Tell where logs begin."""

    async def end_offsets(self, partitions: Sequence[Any]) -> dict[Any, int]:
        """Tell where logs end."""


class TakenLane(NamedTuple):
    """A lane taken over: where it stands, how far it is relayed, and what is to be relayed before anything new."""

    state: LaneState
    relayed_seq: int
    previous: Mapping[str, int]
    unrelayed: list[SequencedMessage]


class LaneTakeover:
    """Reads and, where needed, makes the rows of lanes. Writes nothing that is known already."""

    def __init__(self, consumer: str, kafka: KafkaCluster, topic_admin: TopicAdmin) -> None:
        self._consumer = consumer
        self._kafka = kafka
        self._topic_admin = topic_admin

    async def take_over(
        self, conn: Connection, client: OffsetsClient, lanes: Collection[Lane]
    ) -> dict[Lane, TakenLane]:
        """Take lanes over; raises ``Halt`` when an offset means something else now, ``Halted`` when a halt is kept."""
        for halt in await halts.open_halts(conn, self._consumer):
            raise Halted(self._consumer, halt.reason, halt.detail)
        bounds = await self._ensure_positions(conn, client, lanes)
        async with conn.transaction(isolation="repeatable_read", readonly=True):
            # One snapshot: between a row and its outbox, another owner could relay and prune.
            rows = await positions.load_lanes(conn, self._consumer, lanes)
            return {lane: await self._load_lane(conn, lane, row, bounds[lane]) for lane, row in rows.items()}

    async def verify(self, client: OffsetsClient, states: Mapping[Lane, LaneState]) -> None:
        """Raise ``Halt`` when a lane's log is no longer the one that it was taken over with."""
        await self._recheck_before_halt(client, lambda bounds: _check_states(bounds, states), states)

    async def log_bounds(self, client: OffsetsClient, lanes: Collection[Lane]) -> Mapping[Lane, LogBounds]:
        """Ask what the lanes' logs are now."""
        metadata = await self._topic_admin.describe({lane.topic for lane in lanes})
        partitions = {lane: TopicPartition(self._kafka.prefixed(lane.topic), lane.partition) for lane in lanes}
        async with asyncio.timeout(_OFFSETS_TIMEOUT_S):
            starts = await client.beginning_offsets(list(partitions.values()))
            ends = await client.end_offsets(list(partitions.values()))
        return {
            lane: LogBounds(
                metadata.cluster_id, _topic_id(metadata, partition.topic), starts[partition], ends[partition]
            )
            for lane, partition in partitions.items()
        }

    async def ping(self) -> None:
        """Ask the cluster for its id over a connection of our own; raises when it cannot be reached."""
        await self._topic_admin.describe([])

    async def _ensure_positions(
        self, conn: Connection, client: OffsetsClient, lanes: Collection[Lane]
    ) -> Mapping[Lane, LogBounds]:
        rows = await positions.load_lanes(conn, self._consumer, lanes)
        bounds = await self._recheck_before_halt(
            client, lambda logs: [initial_position(lane, rows.get(lane), logs[lane]) for lane in lanes], lanes
        )
        for lane in lanes:
            position = initial_position(lane, rows.get(lane), bounds[lane])
            if position is not None:
                await positions.save_initial_position(conn, self._consumer, lane, position)
        return bounds

    async def _recheck_before_halt(
        self, client: OffsetsClient, check_bounds: Callable[[Mapping[Lane, LogBounds]], object], lanes: Collection[Lane]
    ) -> Mapping[Lane, LogBounds]:
        # A broker that has only just started may tell an older end of its log for a moment: look again before halting.
        for attempt in range(_MAX_CHECKS):
            bounds = await self.log_bounds(client, lanes)
            try:
                check_bounds(bounds)
            except Halt:
                if attempt == _MAX_CHECKS - 1:
                    raise
                await asyncio.sleep(_RECHECK_PAUSE_S)
            else:
                break
        return bounds

    async def _load_lane(self, conn: Connection, lane: Lane, row: StoredLane, bounds: LogBounds) -> TakenLane:
        position = row.position
        unrelayed = await outbox.unrelayed(
            conn, self._consumer, lane, relayed_seq=position.relayed_seq, seq=position.seq
        )
        return TakenLane(
            LaneState(position.next_offset, position.seq, bounds), position.relayed_seq, row.previous, unrelayed
        )


def _check_states(bounds: Mapping[Lane, LogBounds], states: Mapping[Lane, LaneState]) -> None:
    for lane, state in states.items():
        check_position(
            lane, bounds[lane], LogPosition(state.next_offset, state.bounds.cluster_id, state.bounds.topic_id)
        )


def _topic_id(metadata: ClusterMetadata, prefixed_name: str) -> str:
    return metadata.topics[prefixed_name].topic_id if prefixed_name in metadata.topics else "deleted"
