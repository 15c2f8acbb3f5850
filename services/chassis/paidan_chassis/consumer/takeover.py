"""Reads what a new owner needs of a lane: a valid position in the right log, and the messages not relayed yet."""

import asyncio
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any, Final, NamedTuple, Protocol

from aiokafka import TopicPartition
from aiokafka.errors import KafkaTimeoutError

from paidan_chassis.consumer import halts, outbox, stored_lanes
from paidan_chassis.consumer.batch import Lane
from paidan_chassis.consumer.config import Subscription
from paidan_chassis.consumer.connection import HeldConnection
from paidan_chassis.consumer.lane_state import LaneState, LogBounds, LogPosition, check_position, initial_position
from paidan_chassis.consumer.outbox import Unrelayed
from paidan_chassis.consumer.outbox_chunks import ChunkWriter, OutboxChunk
from paidan_chassis.consumer.ownership import LaneClaims, LogExtent, Trial
from paidan_chassis.consumer.positions import LanePosition
from paidan_chassis.consumer.retry import retry
from paidan_chassis.consumer.stored_lanes import StoredLane
from paidan_chassis.database import Connection
from paidan_chassis.errors import Halt, Halted
from paidan_chassis.kafka.cluster import KafkaCluster
from paidan_chassis.kafka.metadata_v12 import ClusterMetadata
from paidan_chassis.kafka.topic_admin import TopicAdmin

_OFFSETS_TIMEOUT_S: Final = 5.0
_RECHECK_PAUSES_S: Final = (0.7, 0.7, 0.7)


class OffsetsClient(Protocol):
    """A client that can read logs' offsets; aiokafka's consumer is one."""

    async def beginning_offsets(self, partitions: Sequence[Any]) -> dict[Any, int]:
        """Return the logs' first offsets."""

    async def end_offsets(self, partitions: Sequence[Any]) -> dict[Any, int]:
        """Return the logs' ends."""


class TakenLane(NamedTuple):
    """A lane's state for its new owner, how far it is relayed, and the chunks to relay before any new one."""

    state: LaneState
    relayed_seq: int
    previous: Mapping[str, int]
    unrelayed: list[OutboxChunk]
    trial: Trial | None


class LaneTakeover:
    """Access to lanes' rows, logs and outbox for a take-over. Inserts missing rows, changes no stored position."""

    def __init__(
        self,
        subscription: Subscription,
        *,
        kafka: KafkaCluster,
        topic_admin: TopicAdmin,
        connection: HeldConnection,
        claims: LaneClaims,
        chunk_writer: ChunkWriter,
    ) -> None:
        self._chunk_writer = chunk_writer
        self._consumer = subscription.name
        self._verify_lanes = subscription.verify_lanes
        self._kafka = kafka
        self._topic_admin = topic_admin
        self._connection = connection
        self._claims = claims

    async def take_over(self, client: OffsetsClient, lanes: Collection[Lane]) -> dict[Lane, TakenLane]:
        """Return lanes as a new owner takes them over.

        Raises ``Halt`` when a stored offset is no longer valid in the lane's log or the subscription refuses a lane,
        ``Halted`` when a halt is open.
        """
        conn = await self._connection.get()
        for halt in await halts.open_halts(conn, self._consumer):
            raise Halted(self._consumer, halt.reason, halt.detail)
        bounds = await self._ensure_positions(conn, client, lanes)
        trials = await self._claim(conn, bounds)
        async with conn.transaction(isolation="repeatable_read", readonly=True):
            # One snapshot: between reading a row and its outbox, another owner could relay and prune.
            rows = await stored_lanes.load_lanes(conn, self._consumer, lanes)
            unrelayed = {lane: await self._unrelayed(conn, lane, row) for lane, row in rows.items()}
            states = {
                lane: LaneState(row.position.next_offset, row.position.seq, bounds[lane]) for lane, row in rows.items()
            }
            await self._verify_lanes(conn, states)
        # Where a topic has grown, the records of a key go to another partition; all owners must do so from here on.
        targets = {target for row in rows.values() for target in row.previous}
        await self._topic_admin.refresh(target.rpartition("-")[0] for target in targets)
        await self.ensure_topics({each.message.topic for found in unrelayed.values() for each in found.messages})
        taken = {}
        for lane, row in rows.items():
            chunks = unrelayed[lane].addressed(lane, row.previous, self._chunk_writer)
            for last_seqs in (row.previous, *(each.last_seqs for each in chunks)):
                states[lane].previous.update(last_seqs)
            taken[lane] = TakenLane(states[lane], row.relayed_seq, row.previous, chunks, trials.get(lane))
        return taken

    async def ensure_topics(self, topics: Collection[str]) -> None:
        """Learn how many partitions topics have; create missing ones."""
        await self._topic_admin.ensure(topics)

    async def stored_positions(self, lanes: Collection[Lane]) -> dict[Lane, LanePosition]:
        """Return the positions that the database holds now."""
        conn = await self._connection.get()
        rows = await stored_lanes.load_lanes(conn, self._consumer, lanes)
        return {lane: row.position for lane, row in rows.items()}

    async def verify(self, client: OffsetsClient, states: Mapping[Lane, LaneState]) -> None:
        """Raise ``Halt`` when a lane's log is no longer the one that it was taken over with."""
        await self._recheck_before_halt(client, lambda bounds: _check_states(bounds, states), states)

    async def log_bounds(self, client: OffsetsClient, lanes: Collection[Lane]) -> Mapping[Lane, LogBounds]:
        """Return the lanes' logs as they are now."""
        metadata = await self._topic_admin.describe({lane.topic for lane in lanes})
        partitions = {lane: TopicPartition(self._kafka.prefixed(lane.topic), lane.partition) for lane in lanes}
        try:
            async with asyncio.timeout(_OFFSETS_TIMEOUT_S):
                starts = await client.beginning_offsets(list(partitions.values()))
                ends = await client.end_offsets(list(partitions.values()))
        except TimeoutError as error:
            raise KafkaTimeoutError("no answer about offsets") from error
        return {
            lane: LogBounds(
                metadata.cluster_id, _topic_id(metadata, partition.topic), starts[partition], ends[partition]
            )
            for lane, partition in partitions.items()
        }

    async def ping(self) -> None:
        """Raise ``OSError`` or ``KafkaError`` when the cluster cannot be reached over a connection of our own."""
        await self._topic_admin.describe([])

    async def _claim(self, conn: Connection, bounds: Mapping[Lane, LogBounds]) -> dict[Lane, Trial]:
        rows = await stored_lanes.load_lanes(conn, self._consumer, bounds)
        extents = {lane: LogExtent(row.position.next_offset, bounds[lane].end) for lane, row in rows.items()}
        return await self._claims.claim(conn, extents)

    async def _ensure_positions(
        self, conn: Connection, client: OffsetsClient, lanes: Collection[Lane]
    ) -> Mapping[Lane, LogBounds]:
        rows = await stored_lanes.load_lanes(conn, self._consumer, lanes)
        bounds = await self._recheck_before_halt(
            client, lambda logs: [initial_position(lane, rows.get(lane), logs[lane]) for lane in lanes], lanes
        )
        for lane in lanes:
            position = initial_position(lane, rows.get(lane), bounds[lane])
            if position is not None:
                await stored_lanes.save_initial_position(conn, self._consumer, lane, position)
        return bounds

    async def _recheck_before_halt(
        self, client: OffsetsClient, check_bounds: Callable[[Mapping[Lane, LogBounds]], object], lanes: Collection[Lane]
    ) -> Mapping[Lane, LogBounds]:
        async def check() -> Mapping[Lane, LogBounds]:
            bounds = await self.log_bounds(client, lanes)
            check_bounds(bounds)
            return bounds

        # A broker that has only just started may report an older end of its log for a moment.
        return await retry(check, _RECHECK_PAUSES_S, errors=(Halt,), pause=_pause)

    async def _unrelayed(self, conn: Connection, lane: Lane, row: StoredLane) -> Unrelayed:
        seq = row.position.seq
        return await outbox.unrelayed(conn, self._consumer, lane, relayed_seq=row.relayed_seq, seq=seq)


def _check_states(bounds: Mapping[Lane, LogBounds], states: Mapping[Lane, LaneState]) -> None:
    for lane, state in states.items():
        check_position(
            lane, bounds[lane], LogPosition(state.next_offset, state.bounds.cluster_id, state.bounds.topic_id)
        )


async def _pause(_halt: Exception, pause_s: float) -> None:
    await asyncio.sleep(pause_s)


def _topic_id(metadata: ClusterMetadata, prefixed_name: str) -> str:
    return metadata.topics[prefixed_name].topic_id if prefixed_name in metadata.topics else "deleted"
