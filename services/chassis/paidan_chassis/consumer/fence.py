"""The fence: the lanes a process owns, and one transaction per batch that applies each record once. No retries here."""

import asyncio
import contextlib
from collections.abc import Collection, Iterator, Mapping, Sequence
from itertools import groupby
from operator import attrgetter
from types import MappingProxyType
from typing import NamedTuple

from paidan_chassis.consumer import dead_letter_messages, dead_letters, positions, senders
from paidan_chassis.consumer.batch import Batch, DeadLetter, Handler, Lane, Record, UntoldDeadLetter
from paidan_chassis.consumer.config import Subscription
from paidan_chassis.consumer.connection import HeldConnection
from paidan_chassis.consumer.errors import LanesMoved
from paidan_chassis.consumer.lane_state import LaneState
from paidan_chassis.consumer.outbox_chunks import ChunkWriter, OutboxChunk
from paidan_chassis.consumer.ownership import Trial
from paidan_chassis.consumer.positions import LaneAdvance, LanePosition
from paidan_chassis.consumer.relay import Relay
from paidan_chassis.database import DB_ERRORS, Connection
from paidan_chassis.errors import Halt


class OwnedLanes:
    """The lanes that this process has taken over. Only this class changes their state."""

    def __init__(self) -> None:
        self._states: dict[Lane, LaneState] = {}
        self.states: Mapping[Lane, LaneState] = MappingProxyType(self._states)
        self._known_gaps: dict[Lane, int] = {}
        self.known_gaps: Mapping[Lane, int] = MappingProxyType(self._known_gaps)
        """Offsets at which a lane's log has no record, for good."""
        self.trials: dict[Lane, Trial] = {}
        """Lanes whose last owner may have been ended by one of their records; empty as a rule."""
        self.held: dict[Lane, Halt] = {}
        """Lanes that halted, while the others go on; empty as a rule."""

    def add(self, lane: Lane, state: LaneState, *, trial: Trial | None = None) -> None:
        """Add a lane that was taken over, with its state."""
        self._states[lane] = state
        self._known_gaps.pop(lane, None)
        self.trials.pop(lane, None)
        if trial:
            self.trials[lane] = trial
        self.held.pop(lane, None)

    def remove(self, lanes: Collection[Lane]) -> None:
        """Drop lanes, if they are owned."""
        for lane in lanes:
            self._states.pop(lane, None)
            self.held.pop(lane, None)
            self.trials.pop(lane, None)

    def end_trials(self) -> None:
        """Forget the trials of lanes that are past them."""
        for lane, trial in list(self.trials.items()):
            if self._states[lane].next_offset >= trial.until:
                del self.trials[lane]

    def accept_gap(self, lane: Lane, offset: int) -> None:
        """Record that a lane's log has no record at this offset: its next batch may begin after it."""
        self._known_gaps[lane] = offset

    def mark_consumed(self, lane: Lane, *, next_offset: int, consumed_to: int) -> None:
        """Record how far the log was read, unless a batch has advanced the lane meanwhile."""
        state = self._states.get(lane)
        if state is not None and state.next_offset == next_offset:
            state.consumed_to = consumed_to

    def advance(self, writes: "PendingWrites") -> None:
        """Record the new positions of a committed transaction."""
        for lane, next_offset, seq, _ in writes.advances:
            state = self._states[lane]
            state.next_offset, state.seq = next_offset, seq
            state.newest_appended_at = writes.last_records[lane].appended_at
            if lane in writes.chunks:
                state.previous.update(writes.chunks[lane].last_seqs)

    def moved_elsewhere(self, stored: Mapping[Lane, LanePosition], lanes: Collection[Lane]) -> list[Lane]:
        """Return the lanes whose stored position is not the one in memory: another owner's, or a restored copy's."""
        return [
            lane
            for lane in lanes
            if (position := stored.get(lane)) is None
            or (position.next_offset, position.seq) != (self._states[lane].next_offset, self._states[lane].seq)
        ]


class NewRecords(NamedTuple):
    """The records of a batch to apply now, and where lanes must be read from of which records are missing."""

    records: list[Record]
    rewind_to: dict[Lane, int]


def drop_applied(
    records: Sequence[Record], stored: Mapping[Lane, LanePosition], known_gaps: Mapping[Lane, int]
) -> NewRecords:
    """Drop records that were applied before, and the lanes of which records are missing, except for known gaps."""
    new_records: list[Record] = []
    rewind_to: dict[Lane, int] = {}
    for lane, group in group_by_lane(records):
        next_offset = stored[lane].next_offset
        first_offset = group[0].offset
        if first_offset > next_offset and known_gaps.get(lane) != next_offset:
            rewind_to[lane] = next_offset
        elif first_offset >= next_offset:
            new_records += group
        else:
            new_records += [record for record in group if record.offset >= next_offset]
    return NewRecords(new_records, rewind_to)


_lane_key = attrgetter("topic", "partition")


def group_by_lane(records: Sequence[Record]) -> Iterator[tuple[Lane, list[Record]]]:
    """Group records that already follow each other lane by lane."""
    for lane_key, group in groupby(records, key=_lane_key):
        yield Lane(*lane_key), list(group)


class BatchResult(NamedTuple):
    """What a transaction did. ``rewind_to`` holds the lanes that were left out, and where they must be read from."""

    records: int
    messages: int
    dead_letters: int
    rewind_to: dict[Lane, int]
    counts: Mapping[str, int]


class PendingWrites(NamedTuple):
    """What is written at the end of a transaction, and kept in memory after its commit."""

    last_records: dict[Lane, Record]
    advances: list[LaneAdvance]
    chunks: dict[Lane, OutboxChunk]


class FencedTransaction:
    """The transaction that applies a batch's records, unless another owner has applied them."""

    def __init__(
        self,
        subscription: Subscription,
        handler: Handler,
        *,
        connection: HeldConnection,
        relay: Relay,
        lanes: OwnedLanes,
        chunk_writer: ChunkWriter,
    ) -> None:
        self._chunk_writer = chunk_writer
        self._subscription = subscription
        self._handler = handler
        self._connection = connection
        self._relay = relay
        self._lanes = lanes

    async def apply(self, records: Sequence[Record], rejected: Mapping[Record, DeadLetter]) -> BatchResult:
        """Apply the new ones of these records, all or nothing, and hand their messages to the relay.

        Raises ``LanesMoved``, ``TopicsUnknown``, the handler's ``PoisonRecord`` or ``Halt``, or an error of PostgreSQL.
        After an error of the connection it is unknown whether the transaction was committed: call again; the lanes'
        rows show whether it was.
        """
        conn = self._connection.current or await self._connection.get()
        transaction = conn.transaction()
        await transaction.start()
        try:
            stored = await self._lock_lanes(conn, [lane for lane, _ in group_by_lane(records)])
            new_records, rewind_to = drop_applied(records, stored, self._lanes.known_gaps)
            applicable = [each for each in new_records if each not in rejected] if rejected else new_records
            rejected_now = [rejected[each] for each in new_records if each in rejected] if rejected else []
            told = [each for each in rejected_now if not isinstance(each, UntoldDeadLetter)]
            batch = Batch(conn, applicable, self._subscription.tuning.max_message_bytes, told)
            if applicable or told:
                await self._handler.apply(batch)
            all_dead_letters = [*rejected_now, *batch.dead_letters]
            kept = await self._keep(conn, all_dead_letters) if all_dead_letters else []
            writes = self._prepare_writes(new_records, batch, stored, kept)
            await self._write(conn, writes)
        except BaseException:
            # A lost connection makes the rollback fail, too; the first error is the one that counts.
            with contextlib.suppress(*DB_ERRORS):
                await transaction.rollback()
            raise
        await transaction.commit()
        self._follow_commit(writes)
        message_count = sum(each.message_count for each in writes.chunks.values())
        return BatchResult(len(new_records), message_count, len(all_dead_letters), rewind_to, batch.counts)

    async def _lock_lanes(self, conn: Connection, lanes: list[Lane]) -> dict[Lane, LanePosition]:
        query = asyncio.ensure_future(positions.lock_lanes(conn, self._subscription.name, lanes))
        try:
            await asyncio.wait([query], timeout=self._connection.lock_wait_s)
            if not query.done():
                await self._connection.terminate_blockers_of(conn, query)
            stored = await query
        finally:
            query.cancel()
        if moved_lanes := self._lanes.moved_elsewhere(stored, lanes):
            raise LanesMoved(moved_lanes)
        return stored

    def _prepare_writes(
        self, new_records: list[Record], batch: Batch, stored: Mapping[Lane, LanePosition], kept: list[DeadLetter]
    ) -> PendingWrites:
        emitted = batch.messages
        if kept:
            emitted = emitted + dead_letter_messages.announcements(self._subscription.name, kept)
        last_seqs = {lane: position.seq for lane, position in stored.items()}
        previous = {lane: self._lanes.states[lane].previous for lane in stored}
        chunks = self._chunk_writer.write_all(emitted, last_seqs, previous) if emitted else {}
        last_records = {lane: group[-1] for lane, group in group_by_lane(new_records)}
        relayed = self._relay.unsaved(last_records) if self._relay.has_unsaved else {}
        advances = [
            LaneAdvance(
                lane,
                last.offset + 1,
                chunks[lane].last_seq if lane in chunks else last_seqs[lane],
                relayed.get(lane),
            )
            for lane, last in last_records.items()
        ]
        return PendingWrites(last_records, advances, chunks)

    async def _keep(self, conn: Connection, rejected: list[DeadLetter]) -> list[DeadLetter]:
        """Store dead letters, and return those that are kept: beyond a sender's limit most are only counted."""
        subscription = self._subscription
        kept = await senders.select_kept(conn, subscription, rejected) if subscription.written_by_others else rejected
        if kept:
            await dead_letters.store(conn, subscription, kept)
        return kept

    async def _write(self, conn: Connection, writes: PendingWrites) -> None:
        if writes.advances:
            await positions.advance_lanes(conn, self._subscription.name, writes.advances, list(writes.chunks.values()))

    def _follow_commit(self, writes: PendingWrites) -> None:
        self._lanes.advance(writes)
        relayed = {each.lane: each.relayed for each in writes.advances if each.relayed}
        if relayed:
            self._relay.mark_saved(relayed)
        for chunk in writes.chunks.values():
            self._relay.add(chunk)
