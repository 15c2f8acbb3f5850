"""What scoring hears: steps of cases, in batches, each inside the batch's one transaction."""

import asyncio
from collections.abc import Iterable, Sequence
from contextlib import suppress
from itertools import islice
from typing import Final

from paidan_chassis.consumer.batch import Batch, Record
from paidan_chassis.database import Connection
from paidan_scoring import queries
from paidan_scoring.city_packs import PackCache
from paidan_scoring.decode import DecodeError, decode, latest_per_case
from paidan_scoring.tally import FactRow, fact_rows

_CHUNK_SIZE: Final = 2000
_YIELD_EVERY: Final = 100


class Fold:
    """Puts the newest state of each case into facts and tallies. Applying a record again changes nothing."""

    def __init__(self, packs: PackCache) -> None:
        self._packs = packs

    async def apply(self, batch: Batch) -> None:
        """Fold the steps in. While PostgreSQL works on one part of a large batch, the next part is being read."""
        await queries.set_planner_options(batch.conn)
        in_flight = _InFlight(batch.conn)
        try:
            records = iter(batch.records)
            while chunk := list(islice(records, _CHUNK_SIZE)):
                await in_flight.start(await self._latest_rows(batch, chunk))
            await in_flight.wait()
        finally:
            await in_flight.cancel()

    def clear_cache(self) -> None:
        """Nothing to forget: packs never change, and no state of a case is kept in memory."""

    async def _latest_rows(self, batch: Batch, records: Sequence[Record]) -> list[FactRow]:
        """Give the rows of each case's highest version: it carries the whole state, so earlier ones add nothing."""
        rows, errors = await self._rows(latest_per_case(records))
        if errors:
            # What would have surpassed others says nothing, so these count after all.
            rows, errors = await self._rows(records)
        for record, error in errors:
            batch.dead_letter(record, error.reason, error.field)
        return rows

    async def _rows(self, records: Iterable[Record]) -> tuple[list[FactRow], list[tuple[Record, DecodeError]]]:
        latest: dict[str, list[FactRow]] = {}
        errors: list[tuple[Record, DecodeError]] = []
        for number, record in enumerate(records):
            if number % _YIELD_EVERY == 0:
                await asyncio.sleep(0)  # lets the statement that runs get its bytes, and the edge its turn
            event = decode(record)
            if isinstance(event, DecodeError):
                errors.append((record, event))
                continue
            known_rows = latest.get(event.case_id)
            if known_rows is None or known_rows[0].version < event.version:
                # A step is taken apart at once: a batch of whole steps held in memory makes Python's collector look
                # through it again and again, which doubles the cost of reading.
                version = event.state.city_version
                zone = self._packs.cached_zone(version) or await self._packs.zone(version)
                latest[event.case_id] = list(fact_rows(event, zone=zone, partition=record.partition))
        return [row for rows in latest.values() for row in rows], errors


class _InFlight:
    """The statement that PostgreSQL is working on; one at a time, as a connection allows no more."""

    def __init__(self, conn: Connection) -> None:
        self._conn = conn
        self._statement: asyncio.Task[int] | None = None

    async def start(self, rows: Sequence[FactRow]) -> None:
        await self.wait()
        self._statement = asyncio.create_task(queries.fold(self._conn, rows))

    async def wait(self) -> None:
        if self._statement:
            await self._statement
            self._statement = None

    async def cancel(self) -> None:
        if self._statement:
            self._statement.cancel()
            with suppress(asyncio.CancelledError, Exception):  # what failed first is what is raised
                await self._statement
