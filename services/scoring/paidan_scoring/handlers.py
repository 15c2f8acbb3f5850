"""Handles batches of case events, each inside the batch's transaction."""

import asyncio
from collections.abc import Iterable, Sequence
from contextlib import suppress
from itertools import islice
from typing import Final

from paidan_chassis.consumer.batch import Batch, Record
from paidan_chassis.consumer.keyed_records import dead_letter_reason, latest_per_key
from paidan_chassis.consumer.writes import Write
from paidan_chassis.database import Connection
from paidan_chassis.kafka.cloudevents import DecodeError
from paidan_scoring import queries
from paidan_scoring.city_packs import PackCache
from paidan_scoring.decode import decode_step
from paidan_scoring.facts import FactRow, fact_rows

_CHUNK_SIZE: Final = 2000
_YIELD_EVERY: Final = 100


class Fold:
    """Folds case events into facts and tallies: the newest state of each case counts. Idempotent."""

    def __init__(self, packs: PackCache) -> None:
        self._packs = packs
        self._planned: Connection | None = None
        """The connection whose session has the planner's options, as far as is known."""

    async def apply(self, batch: Batch) -> None:
        """Count the batch's steps. While PostgreSQL works on one chunk of a large batch, the next one is decoded."""
        await self._plan_once(batch.conn)
        in_flight = _InFlight(batch.conn)
        try:
            records = iter(batch.records)
            while chunk := list(islice(records, _CHUNK_SIZE)):
                await in_flight.start(await self._latest_rows(batch, chunk))
            await in_flight.wait()
        finally:
            await in_flight.cancel()

    async def prepare(self, batch: Batch) -> Sequence[Write] | None:
        """Return what counts a small batch's steps."""
        await self._plan_once(batch.conn)
        return queries.fold_writes(await self._latest_rows(batch, batch.records))

    async def _plan_once(self, conn: Connection) -> None:
        if conn is not self._planned:
            await queries.set_planner_options(conn)
            self._planned = conn

    def clear_cache(self) -> None:
        """Forget that the session has its options: a rollback takes them back. Packs never change, and stay."""
        self._planned = None

    async def _latest_rows(self, batch: Batch, records: Sequence[Record]) -> list[FactRow]:
        """Return the rows of each case's highest version: it carries the whole state, so earlier ones add nothing."""
        rows, errors = await self._rows(latest_per_key(records))
        if errors:
            # An undecodable last step stood in for earlier ones, which count after all.
            rows, errors = await self._rows(records)
        for record, error in errors:
            batch.dead_letter(record, *dead_letter_reason(error))
        return rows

    async def _rows(self, records: Iterable[Record]) -> tuple[list[FactRow], list[tuple[Record, DecodeError]]]:
        latest: dict[str, list[FactRow]] = {}
        errors: list[tuple[Record, DecodeError]] = []
        for number, record in enumerate(records):
            if number % _YIELD_EVERY == 0:
                await asyncio.sleep(0)  # lets the running statement and the edge proceed
            event = decode_step(record)
            if isinstance(event, DecodeError):
                errors.append((record, event))
                continue
            previous = latest.get(event.case_id)
            if previous is None or previous[0].version < event.version:
                # Rows are computed at once: Python's collector would traverse a batch of whole events again and again,
                # which doubles the cost of decoding.
                version = event.state.city_version
                zone = self._packs.zones.get(version) or await self._packs.zone(version)
                latest[event.case_id] = list(fact_rows(event, zone=zone, partition=record.partition))
        return [row for rows in latest.values() for row in rows], errors


class _InFlight:
    """The statement that PostgreSQL is working on: one at a time, as a connection allows no more."""

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
            with suppress(asyncio.CancelledError, Exception):  # the first failure is the one to raise
                await self._statement
