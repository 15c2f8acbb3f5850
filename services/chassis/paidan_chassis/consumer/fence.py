"""One batch, one transaction: the row lock and the offset test are the fence. Retrying and halving are not here."""

import contextlib
from collections.abc import Collection, Mapping, Sequence
from typing import NamedTuple

from paidan_chassis.consumer import dead_letters as consumer_dead_letters
from paidan_chassis.consumer import outbox, positions
from paidan_chassis.consumer.batch import Batch, Handler
from paidan_chassis.consumer.config import Subscription
from paidan_chassis.consumer.connection import HeldConnection
from paidan_chassis.consumer.dead_letters import DeadLetter
from paidan_chassis.consumer.lane_state import (
    LaneState,
    drop_applied,
    group_by_lane,
    moved_elsewhere,
)
from paidan_chassis.consumer.outbox import SequencedMessage
from paidan_chassis.consumer.positions import LaneAdvance, LanePosition
from paidan_chassis.consumer.records import Lane, Record
from paidan_chassis.consumer.relay import Relay
from paidan_chassis.database import DB_ERRORS, Connection
from paidan_chassis.errors import ChassisError


class LanesMoved(ChassisError):
    """Somebody else has moved these lanes: what we remember of them, and all that is cached, is void."""

    def __init__(self, lanes: Collection[Lane]) -> None:
        super().__init__(", ".join(map(str, lanes)))
        self.lanes = lanes


class BatchResult(NamedTuple):
    """What a transaction has done. ``ahead`` names lanes that were left out, and where they must be read from."""

    records: int
    messages: int
    dead_letters: int
    rewind_to: dict[Lane, int]
    counts: Mapping[str, int]


class _PendingWrites(NamedTuple):
    """What is to be written at the end of a transaction, and remembered after its commit."""

    new_records: list[Record]
    advances: list[LaneAdvance]
    messages: dict[Lane, list[SequencedMessage]]


class FencedTransaction:
    """Applies records in a transaction of their own, if nobody else has done so."""

    def __init__(self, subscription: Subscription, handler: Handler, connection: HeldConnection, relay: Relay) -> None:
        self.lanes: dict[Lane, LaneState] = {}
        """The lanes that are ours and whose rows have been read."""
        self.known_gaps: dict[Lane, int] = {}
        """Where in a lane records are missing, as far as anybody can tell for good."""
        self._subscription = subscription
        self._handler = handler
        self._connection = connection
        self._relay = relay

    async def apply(self, records: Sequence[Record], rejected: Mapping[Record, DeadLetter]) -> BatchResult:
        """Apply what is new of these records, all or nothing, and hand what they say to the relay.

        Raises ``Moved``, the handler's ``Poison`` or ``Halt``, or an error of PostgreSQL. After an error of the
        connection nobody knows whether it was committed: call again, the rows will tell.
        """
        conn = await self._connection.get()
        transaction = conn.transaction()
        await transaction.start()
        try:
            stored = await self._lock_lanes(conn, records)
            new_records, rewind_to = drop_applied(records, stored, self.known_gaps)
            applicable = [each for each in new_records if each not in rejected] if rejected else new_records
            new_dead_letters = [rejected[each] for each in new_records if each in rejected] if rejected else []
            batch = Batch(
                conn,
                applicable,
                max_message_bytes=self._subscription.tuning.max_message_bytes,
                rejected=tuple(new_dead_letters),
            )
            if batch.records or batch.rejected:
                await self._handler.apply(batch)
            new_dead_letters += [DeadLetter(*each) for each in batch.dead_letters]
            writes = self._prepare_writes(new_records, batch, new_dead_letters, stored)
            await self._write(conn, writes, new_dead_letters)
        except BaseException:
            # A lost connection makes the rollback fail, too; what went wrong first is what counts.
            with contextlib.suppress(*DB_ERRORS):
                await transaction.rollback()
            raise
        await transaction.commit()
        self._update_states(writes)
        return BatchResult(
            len(new_records), sum(map(len, writes.messages.values())), len(new_dead_letters), rewind_to, batch.counts
        )

    async def _lock_lanes(self, conn: Connection, records: Sequence[Record]) -> dict[Lane, LanePosition]:
        lanes = [lane for lane, _ in group_by_lane(records)]
        lock_query = positions.lock_lanes(conn, self._subscription.name, lanes)
        stored = await self._connection.run_terminating_blockers(conn, lock_query)
        if moved_lanes := moved_elsewhere(self.lanes, stored, lanes):
            raise LanesMoved(moved_lanes)
        return stored

    def _prepare_writes(
        self,
        new_records: list[Record],
        batch: Batch,
        new_dead_letters: Sequence[DeadLetter],
        stored: Mapping[Lane, LanePosition],
    ) -> _PendingWrites:
        announcements = [
            (each.record, consumer_dead_letters.dead_letter_message(self._subscription.name, each))
            for each in new_dead_letters
        ]
        messages = outbox.assign_sequences(
            batch.messages + announcements, {lane: position.seq for lane, position in stored.items()}
        )
        next_offsets = {lane: group[-1].offset + 1 for lane, group in group_by_lane(new_records)}
        relayed = self._relay.unsaved(next_offsets)
        advances = [
            LaneAdvance(
                lane, next_offset, messages[lane][-1].seq if lane in messages else stored[lane].seq, relayed.get(lane)
            )
            for lane, next_offset in next_offsets.items()
        ]
        return _PendingWrites(new_records, advances, messages)

    async def _write(self, conn: Connection, writes: _PendingWrites, new_dead_letters: Sequence[DeadLetter]) -> None:
        consumer = self._subscription.name
        if new_dead_letters:
            limit = self._subscription.tuning.dead_letter_limit
            await consumer_dead_letters.store(
                conn, consumer, new_dead_letters, limit=limit, cipher=self._subscription.cipher
            )
        if writes.advances:
            chunks = [outbox.pack(lane, messages) for lane, messages in writes.messages.items()]
            await positions.advance_lanes(conn, consumer, writes.advances, chunks)

    def _update_states(self, writes: _PendingWrites) -> None:
        for advance in writes.advances:
            state = self.lanes[advance.lane]
            state.next_offset, state.seq = advance.next_offset, advance.seq
            if advance.relayed:
                self._relay.mark_saved({advance.lane: advance.relayed})
        for lane, group in group_by_lane(writes.new_records):
            self.lanes[lane].newest_appended_at = group[-1].appended_at
        for lane, messages in writes.messages.items():
            self._relay.add(lane, messages)
