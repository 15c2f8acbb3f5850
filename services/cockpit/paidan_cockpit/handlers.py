"""Handles batches of cases, outcomes, scores and checks, each inside the batch's transaction."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from paidan_chassis.consumer.batch import Batch, Record
from paidan_chassis.consumer.keyed_records import dead_letter_reason, latest_per_key
from paidan_chassis.database import Connection
from paidan_chassis.kafka.cloudevents import DecodeError
from paidan_cockpit import check_queries, city_scores, outcome_counts, queries
from paidan_cockpit.case_rows import CountedReport, ReadModelRow, case_row, report_rows
from paidan_cockpit.decode import MERGER, decode_check, decode_step
from paidan_contracts.topics import CASES, CHECKS, OUTCOMES, SCORES


class ReadModel:
    """Keeps a row of each case by its highest version, counts of what opens none, rates, and checks. Idempotent."""

    def __init__(self) -> None:
        self._planned: Connection | None = None
        """The connection whose session has the planner's options, as far as is known."""

    async def apply(self, batch: Batch) -> None:
        """Store what the batch tells of cases, checks, outcomes and scores."""
        if batch.conn is not self._planned:
            await queries.set_planner_options(batch.conn)
            self._planned = batch.conn
        by_topic: dict[str, list[Record]] = {}
        for record in batch.records:
            by_topic.setdefault(record.topic, []).append(record)
        steps = by_topic.get(CASES.name, [])
        decoded = await _read(batch, latest_per_key(steps, kept=MERGER))
        if decoded.errors:
            # An undecodable last step stood in for earlier ones, which count after all.
            decoded = await _read(batch, steps)
        for record, error in decoded.errors:
            batch.dead_letter(record, *dead_letter_reason(error))
        if decoded.rows:
            await queries.save_cases(batch.conn, list(decoded.rows.values()), decoded.reports)
        batch.counts["cases"] += len(decoded.rows)
        if checks := by_topic.get(CHECKS.name):
            await _save_checks(batch, checks)
        await outcome_counts.apply(batch, by_topic.get(OUTCOMES.name, []))
        await city_scores.apply(batch, by_topic.get(SCORES.name, []))

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


@dataclass(frozen=True, slots=True)
class _DecodedSteps:
    """What a batch holds: the newest row of each case, the reports, and what cannot be decoded."""

    rows: dict[str, ReadModelRow] = field(default_factory=dict)
    reports: set[CountedReport] = field(default_factory=set)
    errors: list[tuple[Record, DecodeError]] = field(default_factory=list)


async def _read(batch: Batch, records: Iterable[Record]) -> _DecodedSteps:
    decoded = _DecodedSteps()
    for record in records:
        await batch.pause()
        event = decode_step(record)
        if isinstance(event, DecodeError):
            decoded.errors.append((record, event))
            continue
        previous = decoded.rows.get(event.case_id)
        if previous is None or previous.version < event.version:
            decoded.rows[event.case_id] = case_row(event)
        decoded.reports.update(report_rows(event))
    return decoded
