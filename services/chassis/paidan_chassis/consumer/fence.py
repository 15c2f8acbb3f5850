"""One batch, one transaction: the row lock and the offset test are the fence. Retrying and halving are not here."""

import contextlib
from collections.abc import Collection, Mapping, Sequence
from typing import NamedTuple

from paidan_chassis.consumer import dead_letters, outbox, positions
from paidan_chassis.consumer.batch import Handler, Work
from paidan_chassis.consumer.config import Subscription
from paidan_chassis.consumer.connection import Session
from paidan_chassis.consumer.dead_letters import Burial
from paidan_chassis.consumer.lane_state import (
    Stand,
    by_lane,
    cut,
    moved,
)
from paidan_chassis.consumer.outbox import Numbered
from paidan_chassis.consumer.positions import Advance, Position
from paidan_chassis.consumer.records import Lane, Record
from paidan_chassis.consumer.relay import Relay
from paidan_chassis.database import FAULTS, Connection
from paidan_chassis.errors import ChassisError


class Moved(ChassisError):
    """Somebody else has moved these lanes: what we remember of them, and all that is cached, is void."""

    def __init__(self, lanes: Collection[Lane]) -> None:
        super().__init__(", ".join(map(str, lanes)))
        self.lanes = lanes


class Applied(NamedTuple):
    """What a transaction has done. ``ahead`` names lanes that were left out, and where they must be read from."""

    records: int
    said: int
    buried: int
    ahead: dict[Lane, int]
    counts: Mapping[str, int]


class _Outcome(NamedTuple):
    """What is to be written at the end of a transaction, and remembered after its commit."""

    fresh: list[Record]
    advances: list[Advance]
    said: dict[Lane, list[Numbered]]


class Fence:
    """Applies records in a transaction of their own, if nobody else has done so."""

    def __init__(self, reading: Subscription, handler: Handler, session: Session, relay: Relay) -> None:
        self.stands: dict[Lane, Stand] = {}
        """The lanes that are ours and whose rows have been read."""
        self.tolerated: dict[Lane, int] = {}
        """Where in a lane records are missing, as far as anybody can tell for good."""
        self._reading = reading
        self._handler = handler
        self._session = session
        self._relay = relay

    async def apply(self, records: Sequence[Record], doomed: Mapping[Record, Burial]) -> Applied:
        """Apply what is new of these records, all or nothing, and hand what they say to the relay.

        Raises ``Moved``, the handler's ``Poison`` or ``Halt``, or an error of PostgreSQL. After an error of the
        connection nobody knows whether it was committed: call again, the rows will tell.
        """
        conn = await self._session.connection()
        transaction = conn.transaction()
        await transaction.start()
        try:
            found = await self._lock(conn, records)
            fresh, ahead = cut(records, found, self.tolerated)
            living = [each for each in fresh if each not in doomed] if doomed else fresh
            burials = [doomed[each] for each in fresh if each in doomed] if doomed else []
            work = Work(conn, living, largest=self._reading.pace.largest_message, doomed=tuple(burials))
            if work.records or work.doomed:
                await self._handler.apply(work)
            burials += [Burial(*each) for each in work.buried]
            outcome = self._outcome(fresh, work, burials, found)
            await self._write(conn, outcome, burials)
        except BaseException:
            # A lost connection makes the rollback fail, too; what went wrong first is what counts.
            with contextlib.suppress(*FAULTS):
                await transaction.rollback()
            raise
        await transaction.commit()
        self._remember(outcome)
        return Applied(len(fresh), sum(map(len, outcome.said.values())), len(burials), ahead, work.counts)

    async def _lock(self, conn: Connection, records: Sequence[Record]) -> dict[Lane, Position]:
        lanes = [lane for lane, _ in by_lane(records)]
        locking = positions.lock(conn, self._reading.name, lanes)
        found = await self._session.past_the_frozen(conn, locking)
        if void := moved(self.stands, found, lanes):
            raise Moved(void)
        return found

    def _outcome(
        self, fresh: list[Record], work: Work, burials: Sequence[Burial], found: Mapping[Lane, Position]
    ) -> _Outcome:
        announced = [(each.record, dead_letters.announcement(self._reading.name, each)) for each in burials]
        said = outbox.number(work.said + announced, {lane: at.seq for lane, at in found.items()})
        ends = {lane: group[-1].offset + 1 for lane, group in by_lane(fresh)}
        relayed = self._relay.unnoted(ends)
        advances = [
            Advance(lane, end, said[lane][-1].seq if lane in said else found[lane].seq, relayed.get(lane))
            for lane, end in ends.items()
        ]
        return _Outcome(fresh, advances, said)

    async def _write(self, conn: Connection, outcome: _Outcome, burials: Sequence[Burial]) -> None:
        consumer = self._reading.name
        if burials:
            limit = self._reading.pace.dead_letter_limit
            await dead_letters.bury(conn, consumer, burials, limit=limit, cipher=self._reading.cipher)
        if outcome.advances:
            chunks = [outbox.pack(lane, said) for lane, said in outcome.said.items()]
            await positions.move(conn, consumer, outcome.advances, chunks)

    def _remember(self, outcome: _Outcome) -> None:
        for advance in outcome.advances:
            stand = self.stands[advance.lane]
            stand.next_offset, stand.seq = advance.next_offset, advance.seq
            if advance.relayed:
                self._relay.noted({advance.lane: advance.relayed})
        for lane, group in by_lane(outcome.fresh):
            self.stands[lane].applied_at = group[-1].appended_at
        for lane, said in outcome.said.items():
            self._relay.add(lane, said)
