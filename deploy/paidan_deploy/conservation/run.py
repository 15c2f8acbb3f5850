"""Runs the conservation check: waits until services have applied their logs, reads everything, evaluates."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from paidan_chassis.database import Connection
from paidan_contracts.topics import ALARMS, ALARMS_PREFIX, CASES, INBOX, OUTCOMES
from paidan_deploy.conservation import tables
from paidan_deploy.conservation.checks import evaluate
from paidan_deploy.conservation.evidence import Evidence, PhotoFindings
from paidan_deploy.conservation.log_contents import AlarmsLog, CasesLog, InboxLog, OutcomesLog, add_records
from paidan_deploy.conservation.log_reader import LogReader, LogSpan
from paidan_deploy.conservation.report import ConservationReport

_POLL_S: Final = 0.1


class NotCaughtUp(Exception):
    """A service has not applied its log to the end, so its tables cannot be compared yet."""


@dataclass(frozen=True, slots=True)
class Sources:
    """Where the logs, tables and photos are."""

    logs: LogReader
    connection: Connection
    photos: Path | None


@dataclass(frozen=True, slots=True)
class LogSpans:
    """The spans of all logs at one moment."""

    alarms: Mapping[str, LogSpan]
    """Of the topic of all alarms, and of each source's own."""
    inbox: LogSpan
    cases: LogSpan
    outcomes: LogSpan


async def check_conservation(sources: Sources, *, timeout_s: float = 90.0) -> ConservationReport:
    """Compare the logs with the tables.

    Both are of one moment only while nothing arrives: when a timer fired or a report came meanwhile, everything is read
    again. Raises ``NotCaughtUp`` when a service does not catch up, or records keep arriving.
    """
    loop = asyncio.get_running_loop()
    deadline = loop.time() + timeout_s
    while loop.time() < deadline:
        try:
            async with asyncio.timeout_at(deadline):
                spans = await _await_caught_up(sources)
        except TimeoutError as error:
            raise NotCaughtUp("a service has not caught up with its log") from error
        evidence = await _collect_evidence(sources, spans)
        if await _await_caught_up(sources) == spans:
            return evaluate(evidence)
    raise NotCaughtUp("records keep arriving: logs and tables cannot be compared at one moment")


async def _await_caught_up(sources: Sources) -> LogSpans:
    return LogSpans(
        alarms={
            topic: await _await_applied(sources, "intake", topic)
            for topic in (ALARMS.name, *await sources.logs.topics(ALARMS_PREFIX))
        },
        inbox=await _await_applied(sources, "dispatch", INBOX.name),
        cases=await _await_applied(sources, "scoring", CASES.name),
        outcomes=await sources.logs.current_span(OUTCOMES.name),
    )


async def _await_applied(sources: Sources, schema: str, topic: str) -> LogSpan:
    """Wait until the service has applied the log to its end and relayed its messages."""
    return await _poll(lambda: _span_if_applied(sources, schema, topic))


async def _poll(probe: Callable[[], Awaitable[LogSpan | None]]) -> LogSpan:
    while (span := await probe()) is None:  # noqa: ASYNC110  # other processes' progress: nothing here announces it
        await asyncio.sleep(_POLL_S)
    return span


async def _span_if_applied(sources: Sources, schema: str, topic: str) -> LogSpan | None:
    span = await sources.logs.current_span(topic)
    next_offsets = await tables.next_offsets(sources.connection, schema, topic)
    behind = any(end > span.begins[at] and next_offsets.get(at.partition, 0) < end for at, end in span.ends.items())
    unrelayed_lanes = await tables.count_unrelayed_lanes(sources.connection, schema)
    return None if behind or unrelayed_lanes else span


async def _collect_evidence(sources: Sources, spans: LogSpans) -> Evidence:
    inbox_log, cases_log, alarms_log, outcomes_log = InboxLog(), CasesLog(), AlarmsLog(), OutcomesLog()
    await add_records(inbox_log, sources.logs.records(spans.inbox))
    await add_records(cases_log, sources.logs.records(spans.cases))
    for alarms_span in spans.alarms.values():
        await add_records(alarms_log, sources.logs.records(alarms_span))
    await add_records(outcomes_log, sources.logs.records(spans.outcomes))
    conn = sources.connection
    return Evidence(
        inbox_log=inbox_log,
        cases_log=cases_log,
        alarms_log=alarms_log,
        outcomes_log=outcomes_log,
        complete=spans.inbox.is_complete and spans.cases.is_complete,
        outcomes_by_id=await tables.outcomes(conn),
        case_table=await tables.case_versions(conn),
        fact_versions=await tables.fact_versions(conn),
        tallies=await tables.tally_counts(conn),
        inbox_dead_letters=await tables.dead_letter_positions(conn, "dispatch", INBOX.name),
        alarm_dead_letters={
            (sources.logs.prefixed(topic), *position)
            for topic in spans.alarms
            for position in await tables.dead_letter_positions(conn, "intake", topic)
        },
        missing_vault_entries=await tables.missing_vault_entries(conn, inbox_log.vault_references),
        photos=await _check_photos(sources, inbox_log),
    )


async def _check_photos(sources: Sources, inbox_log: InboxLog) -> PhotoFindings:
    """Find photos that are lost, and photos that were never uploaded."""
    refs = inbox_log.known_photos | inbox_log.claimed_photos
    without_row = await tables.missing_photo_rows(sources.connection, refs)
    without_file = (
        without_row if sources.photos is None else refs - await asyncio.to_thread(_photo_files, sources.photos)
    )
    never_sent = (without_row & without_file) - inbox_log.known_photos
    return PhotoFindings(lost=(without_row | without_file) - never_sent, never_sent=never_sent)


def _photo_files(folder: Path) -> set[str]:
    return {path.name for path in folder.rglob("*.jpg")}
