"""The fence: a batch is applied whole or not at all, each record once, whoever else believes to own its lanes.

A large batch is one transaction, which locks its lanes' rows before anything is read. A small one decides first, from
reads without a lock, and writes everything in one statement, which fails unless the lanes still stand where this
process left them: positions only grow, so what was read in between was the state of that position. No retries here.
"""

import asyncio
import contextlib
from collections.abc import Awaitable, Collection, Mapping, Sequence
from typing import Final, NamedTuple, TypeVar

import asyncpg

from paidan_chassis.consumer import dead_letter_messages, dead_letters, positions, senders
from paidan_chassis.consumer.batch import (
    Batch,
    DeadLetter,
    Handler,
    Lane,
    Record,
    SmallBatchHandler,
    UntoldDeadLetter,
)
from paidan_chassis.consumer.config import Subscription
from paidan_chassis.consumer.connection import HeldConnection
from paidan_chassis.consumer.errors import LanesMoved
from paidan_chassis.consumer.owned_lanes import LaneWriter, OwnedLanes, drop_applied, group_by_lane
from paidan_chassis.consumer.positions import LanePosition
from paidan_chassis.database import DB_ERRORS, Connection

SMALL_BATCH: Final = 100
"""Records, up to which round trips cost more than what COPY saves."""

_T = TypeVar("_T")


class BatchResult(NamedTuple):
    """What was committed for a batch. ``rewind_to``: the lanes that were left out, and where they must be read from."""

    records: int
    messages: int
    dead_letters: int
    rewind_to: dict[Lane, int]
    counts: Mapping[str, int]


class Fence:
    """Applies a batch's records, in one transaction or as one statement, unless another owner has applied them."""

    def __init__(
        self,
        subscription: Subscription,
        handler: Handler,
        *,
        connection: HeldConnection,
        lanes: OwnedLanes,
        lane_writer: LaneWriter,
    ) -> None:
        self._subscription = subscription
        self._handler = handler
        self._connection = connection
        self._lanes = lanes
        self._lane_writer = lane_writer
        self._small_batch_handler = handler if isinstance(handler, SmallBatchHandler) else None

    async def apply(self, records: Sequence[Record], rejected: Mapping[Record, DeadLetter]) -> BatchResult:
        """Apply the new ones of these records, all or nothing, and hand their messages to the relay.

        Raises ``LanesMoved``, ``TopicsUnknown``, the handler's ``PoisonRecord`` or ``Halt``, or an error of PostgreSQL.
        After an error of the connection it is unknown whether the transaction was committed: call again; the lanes'
        rows show whether it was.
        """
        if self._small_batch_handler is not None and len(records) <= SMALL_BATCH and not rejected:
            result = await self._apply_as_statement(self._small_batch_handler, records)
            if result is not None:
                return result
            self._handler.clear_cache()
        return await self._apply_as_transaction(records, rejected)

    async def _apply_as_statement(self, handler: SmallBatchHandler, records: Sequence[Record]) -> BatchResult | None:
        """Apply a small batch; None when it needs a transaction."""
        conn = self._connection.current or await self._connection.get()
        lanes = [lane for lane, _ in group_by_lane(records)]
        at = self._lanes.positions(lanes)
        new_records, rewind_to = drop_applied(records, at, self._lanes.is_gap)
        if not new_records:
            return None
        batch = Batch(conn, new_records, self._subscription.tuning.max_message_bytes)
        try:
            others = await handler.prepare(batch)
        except Exception:
            # What was read may have been another owner's state already.
            await self._require_unmoved(conn, lanes)
            raise
        if others is None or batch.dead_letters:
            return None
        writes = self._lane_writer.prepare(new_records, batch.messages, at)
        name, chunks = self._subscription.name, writes.chunks.values()
        statement = positions.write_if_unmoved(conn, name, writes.advances, chunks, others)
        try:
            async with asyncio.timeout(self._connection.lock_wait_s):
                await statement
        except (asyncpg.IntegrityConstraintViolationError, TimeoutError):
            # Whether it waited for a frozen owner of its lanes or for another lock, a transaction finds out.
            return None
        self._lane_writer.follow_commit(writes)
        return BatchResult(len(new_records), writes.message_count, 0, rewind_to, batch.counts)

    async def _apply_as_transaction(
        self, records: Sequence[Record], rejected: Mapping[Record, DeadLetter]
    ) -> BatchResult:
        conn = self._connection.current or await self._connection.get()
        transaction = conn.transaction()
        await transaction.start()
        try:
            stored = await self._lock_lanes(conn, [lane for lane, _ in group_by_lane(records)])
            new_records, rewind_to = drop_applied(records, stored, self._lanes.is_gap)
            applicable = [each for each in new_records if each not in rejected] if rejected else new_records
            rejected_now = [rejected[each] for each in new_records if each in rejected] if rejected else []
            told = [each for each in rejected_now if not isinstance(each, UntoldDeadLetter)]
            batch = Batch(conn, applicable, self._subscription.tuning.max_message_bytes, told)
            if applicable or told:
                await self._handler.apply(batch)
            all_dead_letters = [*rejected_now, *batch.dead_letters]
            kept = await self._keep(conn, all_dead_letters) if all_dead_letters else []
            announcements = dead_letter_messages.announcements(self._subscription.name, kept) if kept else []
            writes = self._lane_writer.prepare(new_records, [*batch.messages, *announcements], stored)
            if writes.advances:
                name, chunks = self._subscription.name, writes.chunks.values()
                await positions.write_if_unmoved(conn, name, writes.advances, chunks)
        except BaseException:
            # A lost connection makes the rollback fail, too; the first error is the one that counts.
            with contextlib.suppress(*DB_ERRORS):
                await transaction.rollback()
            raise
        await transaction.commit()
        self._lane_writer.follow_commit(writes)
        return BatchResult(len(new_records), writes.message_count, len(all_dead_letters), rewind_to, batch.counts)

    async def _lock_lanes(self, conn: Connection, lanes: list[Lane]) -> dict[Lane, LanePosition]:
        query = positions.lock_lanes(conn, self._subscription.name, lanes)
        stored = await self._run_past_frozen_owners(conn, query)
        if moved_lanes := self._lanes.moved_elsewhere(stored, lanes):
            raise LanesMoved(moved_lanes)
        return stored

    async def _require_unmoved(self, conn: Connection, lanes: Collection[Lane]) -> None:
        stored = await positions.load_positions(conn, self._subscription.name, lanes)
        if moved_lanes := self._lanes.moved_elsewhere(stored, lanes):
            raise LanesMoved(moved_lanes)

    async def _run_past_frozen_owners(self, conn: Connection, statement: Awaitable[_T]) -> _T:
        """Run a statement that waits for lanes' rows, and end the sessions that hold them for too long."""
        query = asyncio.ensure_future(statement)
        try:
            await asyncio.wait([query], timeout=self._connection.lock_wait_s)
            if not query.done():
                await self._connection.terminate_blockers_of(conn, query)
            return await query
        finally:
            query.cancel()

    async def _keep(self, conn: Connection, rejected: list[DeadLetter]) -> list[DeadLetter]:
        """Store dead letters, and return those that are kept: beyond a sender's limit most are only counted."""
        subscription = self._subscription
        kept = await senders.select_kept(conn, subscription, rejected) if subscription.written_by_others else rejected
        if kept:
            await dead_letters.store(conn, subscription, kept)
        return kept
