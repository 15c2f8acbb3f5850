"""What scoring hears: steps of cases, in batches, each inside the batch's one transaction."""

import asyncio
from collections.abc import Iterable, Sequence
from contextlib import suppress
from itertools import islice
from typing import Final

from paidan_chassis.consumer.batch import Work
from paidan_chassis.consumer.records import Record
from paidan_chassis.database import Connection
from paidan_scoring import queries
from paidan_scoring.city_packs import Packs
from paidan_scoring.decode import Unreadable, read, unsurpassed
from paidan_scoring.tally import Row, rows_of

_AT_ONCE: Final = 2000
_BREATHES_EVERY: Final = 100


class Fold:
    """Puts the newest state of each case into facts and tallies. Applying a record again changes nothing."""

    def __init__(self, packs: Packs) -> None:
        self._packs = packs

    async def apply(self, work: Work) -> None:
        """Fold the steps in. While PostgreSQL works on one part of a large batch, the next part is being read."""
        await queries.prepare(work.conn)
        running = _Running(work.conn)
        try:
            records = iter(work.records)
            while part := list(islice(records, _AT_ONCE)):
                await running.start(await self._newest(work, part))
            await running.settle()
        finally:
            await running.abandon()

    def forget(self) -> None:
        """Nothing to forget: packs never change, and no state of a case is kept in memory."""

    async def _newest(self, work: Work, part: Sequence[Record]) -> list[Row]:
        """Give the rows of each case's highest version: it carries the whole state, so earlier ones add nothing."""
        rows, unreadable = await self._rows(unsurpassed(part))
        if unreadable:
            # What would have surpassed others says nothing, so these count after all.
            rows, unreadable = await self._rows(part)
        for record, why in unreadable:
            work.bury(record, why.reason, why.field)
        return rows

    async def _rows(self, records: Iterable[Record]) -> tuple[list[Row], list[tuple[Record, Unreadable]]]:
        newest: dict[str, list[Row]] = {}
        unreadable: list[tuple[Record, Unreadable]] = []
        for number, record in enumerate(records):
            if number % _BREATHES_EVERY == 0:
                await asyncio.sleep(0)  # lets the statement that runs get its bytes, and the edge its turn
            step = read(record)
            if isinstance(step, Unreadable):
                unreadable.append((record, step))
                continue
            seen = newest.get(step.case_id)
            if seen is None or seen[0].version < step.version:
                # A step is taken apart at once: a batch of whole steps held in memory makes Python's collector look
                # through it again and again, which doubles the cost of reading.
                version = step.state.city_version
                zone = self._packs.known_zone(version) or await self._packs.zone(version)
                newest[step.case_id] = list(rows_of(step, zone=zone, partition=record.partition))
        return [row for rows in newest.values() for row in rows], unreadable


class _Running:
    """The statement that PostgreSQL is working on; one at a time, as a connection allows no more."""

    def __init__(self, conn: Connection) -> None:
        self._conn = conn
        self._statement: asyncio.Task[int] | None = None

    async def start(self, rows: Sequence[Row]) -> None:
        await self.settle()
        self._statement = asyncio.create_task(queries.fold(self._conn, rows))

    async def settle(self) -> None:
        if self._statement:
            await self._statement
            self._statement = None

    async def abandon(self) -> None:
        if self._statement:
            self._statement.cancel()
            with suppress(asyncio.CancelledError, Exception):  # what failed first is what is raised
                await self._statement
