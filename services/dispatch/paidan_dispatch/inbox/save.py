"""Saves a unit of work: new and changed cases, history, outcomes, what is in force. The caller commits."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Final, NamedTuple, TypeAlias

import asyncpg

from paidan_chassis.database import Connection
from paidan_contracts.inbox import CityInForce, ReleaseInForce
from paidan_contracts.state import CaseState
from paidan_dispatch.cases.case_state import next_due_at, open_helpers
from paidan_dispatch.inbox import statements
from paidan_dispatch.inbox.rows import EventRow, OutcomeRow, ReportRow
from paidan_dispatch.inbox.unit_of_work import (
    CaseFile,
    UnitOfWork,
    awaits_callback,
    ended_at,
    recurs_until,
)

RowValues: TypeAlias = tuple[object, ...]
DueTimes: TypeAlias = Mapping[str, datetime | None]
"""When the first clock of each changed case is due."""

# Up to so many events the round trips of five COPYs cost more than they save: asyncpg checks of each element of an
# array whether it is one itself, 0.4 us each, 70 a case.
COPY_THRESHOLD: Final = 100


class NewRows(NamedTuple):
    """Rows to insert, by table, their values in the order of ``statements.COLUMNS``."""

    case_now: Sequence[RowValues]
    history: Sequence[EventRow]
    case_report: Sequence[ReportRow]
    outcome: Sequence[RowValues]
    helper: Sequence[RowValues]


async def save(conn: Connection, unit_of_work: UnitOfWork) -> datetime | None:
    """Write what a batch changed; return when the first clock of the changed cases is due.

    Raises SerializationError when another partition decided one of the ids meanwhile: the batch must be applied again.
    """
    await _save_in_force(conn, unit_of_work)
    await _save_photos(conn, unit_of_work)
    opened_cases, updated_cases = unit_of_work.opened_cases, unit_of_work.updated_cases
    due_at = {case_id: next_due_at(each.current_state) for case_id, each in unit_of_work.changed_files.items()}
    dead_lettered = unit_of_work.previously_dead_lettered
    new_rows = NewRows(
        [_case_row(each, due_at) for each in opened_cases],
        unit_of_work.new_events,
        unit_of_work.new_reports,
        [_outcome_row(row) for id_, row in unit_of_work.outcomes.items() if id_ not in dead_lettered],
        await _replace_helpers(conn, unit_of_work.changed_files.values()),
    )
    if any(new_rows):
        await _insert(conn, new_rows)
    if updated_cases:
        updates = [_case_update(each, due_at) for each in updated_cases]
        await conn.execute(statements.UPDATE_CASES, *zip(*updates, strict=True))
    if dead_lettered:
        replacements = [_outcome_row(row) for id_, row in unit_of_work.outcomes.items() if id_ in dead_lettered]
        if replacements:
            await conn.execute(statements.REPLACE_DEAD_LETTER_OUTCOMES, *zip(*replacements, strict=True))
    await _save_noted_reports(conn, unit_of_work)
    return min((each for each in due_at.values() if each is not None), default=None)


def is_held(state: CaseState) -> bool:
    """Return whether a case waits at the hard-to-place desk for an operator."""
    return state.held_because is not None and state.status in ("received", "filed") and not state.past


def is_overdue(state: CaseState) -> bool:
    """Return whether the running time limit of an open case has passed: a department's, or that of another stage."""
    if state.past:
        return False
    if state.status in ("dispatched", "handling"):
        assignment = state.assignments[-1]
        if assignment.limits[-1].overdue_at is not None:
            return True
        if state.status == "dispatched" and assignment.accept_overdue_at is not None:
            return True
    clock = state.clocks[-1] if state.clocks else None
    return clock is not None and clock.ended_at is None and clock.overdue_at is not None


async def _save_in_force(conn: Connection, unit_of_work: UnitOfWork) -> None:
    changes = {
        (each.record.partition, each.entry.city): each.entry
        for each in unit_of_work.entries
        if isinstance(each.entry, CityInForce)
    }
    if changes:
        rows = [(*key, entry.version, entry.in_force_at) for key, entry in changes.items()]
        await conn.execute(statements.UPSERT_PACKS_IN_FORCE, *zip(*rows, strict=True))
    for each in unit_of_work.entries:
        if isinstance(each.entry, ReleaseInForce):
            await conn.execute(statements.UPSERT_RELEASE, each.record.partition, each.entry.number)


async def _save_photos(conn: Connection, unit_of_work: UnitOfWork) -> None:
    if unit_of_work.new_photos:
        rows = [(lane, *photo[:4]) for lane, photo in unit_of_work.new_photos]
        await conn.execute(statements.INSERT_PHOTOS, *zip(*rows, strict=True))
    if unit_of_work.used_photos:
        refs, case_ids = zip(*unit_of_work.used_photos, strict=True)
        await conn.execute(statements.USE_PHOTOS, refs, case_ids, list(unit_of_work.used_photos.values()))


async def _replace_helpers(conn: Connection, changed_cases: Iterable[CaseFile]) -> list[tuple[str, str]]:
    """Delete what is stored of cases whose open helpers changed; return the rows to insert: department and case."""
    rows, stored_ids = [], []
    for each in changed_cases:
        state, before = each.current_state, open_helpers(each.stored) if each.stored else ()
        if (helpers := open_helpers(state)) != before:
            rows += [(department, state.case_id) for department in helpers]
            stored_ids += [state.case_id] if before else []
    if stored_ids:
        await conn.execute(statements.DELETE_HELPERS, stored_ids)
    return rows


async def _save_noted_reports(conn: Connection, unit_of_work: UnitOfWork) -> None:
    if unit_of_work.noted_reports:
        await conn.execute(statements.INSERT_NOTED_REPORTS, *zip(*unit_of_work.noted_reports, strict=True))
    if unit_of_work.replies:
        rows = [(each.report_id, each.text, each.replied_at) for each in unit_of_work.replies.values()]
        await conn.execute(statements.UPDATE_REPLIES, *zip(*rows, strict=True))


async def _insert(conn: Connection, new_rows: NewRows) -> None:
    try:
        if len(new_rows.history) <= COPY_THRESHOLD:
            await _insert_with_unnest(conn, new_rows)
        else:
            await _copy_rows(conn, new_rows)
    except asyncpg.UniqueViolationError as error:
        if error.table_name != "outcome":
            raise
        raise asyncpg.SerializationError("another partition decided one of these ids meanwhile") from error


async def _insert_with_unnest(conn: Connection, new_rows: NewRows) -> None:
    arrays: list[Sequence[object]] = []
    for table, rows in zip(statements.COLUMNS, new_rows, strict=True):
        arrays += zip(*rows, strict=True) if rows else [()] * len(statements.COLUMNS[table])
    await conn.execute(statements.INSERT_ALL, *arrays)


async def _copy_rows(conn: Connection, new_rows: NewRows) -> None:
    for table, rows in zip(statements.COLUMNS, new_rows, strict=True):
        if rows:
            await conn.copy_records_to_table(table, records=rows, columns=list(statements.COLUMNS[table]))


def _case_row(case_file: CaseFile, due_at: DueTimes) -> RowValues:
    state, candidate = case_file.current_state, case_file.candidate
    return (
        state.case_id,
        case_file.partition,
        state.version,
        state.city,
        state.area,
        state.status,
        state.department,
        state.class_code,
        state.channel,
        state.matched_within,
        state.past,
        state.place.latitude,
        state.place.longitude,
        candidate and candidate.square,
        state.reported_at,
        recurs_until(candidate),
        ended_at(state),
        awaits_callback(state),
        is_held(state),
        is_overdue(state),
        due_at[state.case_id],
        case_file.chain,
    )


def _case_update(case_file: CaseFile, due_at: DueTimes) -> RowValues:
    state, candidate = case_file.current_state, case_file.candidate
    return (
        state.case_id,
        state.version,
        state.status,
        state.department,
        state.class_code,
        state.reported_at,
        case_file.index_change is not None,
        candidate and candidate.square,
        recurs_until(candidate),
        ended_at(state),
        awaits_callback(state),
        is_held(state),
        is_overdue(state),
        due_at[state.case_id],
        case_file.chain,
    )


def _outcome_row(row: OutcomeRow) -> RowValues:
    outcome = row.outcome
    return (
        outcome.id,
        outcome.about,
        outcome.result,
        outcome.why and outcome.why.model_dump_json(),
        outcome.area,
        outcome.case_id,
        outcome.case_version,
        bytes.fromhex(row.digest) if row.digest else None,
        row.sender,
        outcome.decided_at,
    )
