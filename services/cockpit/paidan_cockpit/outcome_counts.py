"""Counts reports that open no case, from their outcomes, inside the batch's transaction."""

from collections.abc import Iterable

from paidan_chassis.consumer.batch import Batch, Record
from paidan_chassis.consumer.keyed_records import dead_letter_reason
from paidan_chassis.kafka.cloudevents import DecodeError
from paidan_cockpit import outcome_queries
from paidan_cockpit.case_rows import CountedReport
from paidan_cockpit.report_outcomes import SuppressedAlarm, decode_outcome


async def apply(batch: Batch, outcomes: Iterable[Record]) -> None:
    """Count the noted reports and the suppressed alarms of a batch, each once however often it comes."""
    reports: list[CountedReport] = []
    alarms: list[SuppressedAlarm] = []
    for record in outcomes:
        await batch.pause()
        match decode_outcome(record):
            case DecodeError() as error:
                batch.dead_letter(record, *dead_letter_reason(error))
            case SuppressedAlarm() as alarm:
                alarms.append(alarm)
            case CountedReport() as report:
                reports.append(report)
            case None:
                pass
    if reports:
        await outcome_queries.save_noted(batch.conn, reports)
    if alarms:
        await outcome_queries.save_suppressed(batch.conn, alarms)
    batch.counts["outcomes"] += len(reports) + len(alarms)
