"""Handles batches of case events, each inside the batch's transaction."""

from collections.abc import Iterable, Sequence

from paidan_chassis.consumer.batch import Batch, Record
from paidan_chassis.database import Connection
from paidan_chassis.kafka.cloudevents import DecodeError
from paidan_cockpit import check_queries, queries
from paidan_cockpit.case_rows import ReadModelRow, case_row
from paidan_cockpit.decode import dead_letter_reason, decode_check, decode_step, latest_per_case
from paidan_contracts.topics import CHECKS


class ReadModel:
    """Keeps one row a case, by its highest version, and the last conservation checks. Idempotent."""

    def __init__(self) -> None:
        self._planned: Connection | None = None
        """The connection whose session has the planner's options, as far as is known."""

    async def apply(self, batch: Batch) -> None:
        """Store the newest state of each case of the batch, and the checks."""
        if batch.conn is not self._planned:
            await queries.set_planner_options(batch.conn)
            self._planned = batch.conn
        checks = [record for record in batch.records if record.topic == CHECKS.name]
        steps = [record for record in batch.records if record.topic != CHECKS.name] if checks else batch.records
        rows, errors = await _newest_rows(batch, latest_per_case(steps))
        if errors:
            # An undecodable last step stood in for earlier ones, which count after all.
            rows, errors = await _newest_rows(batch, steps)
        for record, error in errors:
            batch.dead_letter(record, *dead_letter_reason(error))
        if rows:
            await queries.save_rows(batch.conn, rows)
        batch.counts["cases"] += len(rows)
        if checks:
            await _save_checks(batch, checks)

    def clear_cache(self) -> None:
        """Forget that the session has its options: a rollback takes them back."""
        self._planned = None


async def _save_checks(batch: Batch, records: Sequence[Record]) -> None:
    decoded = [(record, decode_check(record)) for record in records]
    for record, error in decoded:
        if isinstance(error, DecodeError):
            batch.dead_letter(record, *dead_letter_reason(error))
    checks = [each for _, each in decoded if not isinstance(each, DecodeError)]
    await check_queries.save_checks(batch.conn, checks)
    batch.counts["checks"] += len(checks)


async def _newest_rows(
    batch: Batch, records: Iterable[Record]
) -> tuple[list[ReadModelRow], list[tuple[Record, DecodeError]]]:
    newest: dict[str, ReadModelRow] = {}
    errors: list[tuple[Record, DecodeError]] = []
    for record in records:
        await batch.pause()
        event = decode_step(record)
        if isinstance(event, DecodeError):
            errors.append((record, event))
            continue
        previous = newest.get(event.case_id)
        if previous is None or previous.version < event.version:
            newest[event.case_id] = case_row(event)
    return list(newest.values()), errors
