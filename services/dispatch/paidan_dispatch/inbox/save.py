"""Turns a unit of work into statements: new and changed cases, history, outcomes, what is in force."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Final, NamedTuple

import asyncpg

from paidan_chassis.consumer.writes import Write, execute
from paidan_chassis.database import Connection
from paidan_contracts.inbox import CityInForce, ReleaseInForce
from paidan_dispatch.cases.case_state import open_helpers
from paidan_dispatch.cases.timers import next_due_at
from paidan_dispatch.inbox import statements
from paidan_dispatch.inbox.camera_records import UPSERT_CAMERA_RECORDS, camera_rows
from paidan_dispatch.inbox.case_rows import RowValues, case_row, case_update, outcome_row
from paidan_dispatch.inbox.case_serials import UPSERT_SERIALS, take_serial_rows
from paidan_dispatch.inbox.rows import EventRow, ReportRow
from paidan_dispatch.inbox.unit_of_work import CaseFile, DecodedRecord, UnitOfWork

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


class BatchWrites(NamedTuple):
    """What some records changed, as statements in the order in which they must run."""

    first: Sequence[Write]
    new_rows: NewRows
    last: Sequence[Write]
    next_due_at: datetime | None
    """When the first clock of the changed cases is due."""
    replaced_outcomes: int
    """How many outcomes of dead letters are replaced."""
    depend_on_each_other: bool
    """Whether one of them must see the rows of another, so that they cannot be sent as one statement."""


def batch_writes(unit_of_work: UnitOfWork, entries: Iterable[DecodedRecord]) -> BatchWrites:
    """Return what deciding on these records changed."""
    due_at = {case_id: next_due_at(each.current_state) for case_id, each in unit_of_work.changed_files.items()}
    dead_lettered = unit_of_work.previously_dead_lettered
    helpers, without_helpers = _helper_changes(unit_of_work.changed_files.values())
    in_force, photos, notes = _in_force_writes(entries), _photo_writes(unit_of_work), _note_writes(unit_of_work)
    book = unit_of_work.book
    emergencies, priorities = (book.writes(), book.priority_writes()) if book is not None else ([], [])
    new_rows = NewRows(
        [case_row(each, due_at) for each in unit_of_work.opened_cases],
        unit_of_work.new_events,
        unit_of_work.new_reports,
        [outcome_row(row) for id_, row in unit_of_work.outcomes.items() if id_ not in dead_lettered],
        helpers,
    )
    updates = [case_update(each, due_at) for each in unit_of_work.updated_cases]
    replacements = [outcome_row(row) for id_, row in unit_of_work.outcomes.items() if id_ in dead_lettered]
    delete_helpers = (
        [Write("without_helpers", statements.DELETE_HELPERS, (without_helpers,))] if without_helpers else []
    )
    return BatchWrites(
        [
            *in_force,
            *photos,
            *_serial_writes(unit_of_work),
            *_camera_writes(unit_of_work),
            *emergencies,
            *delete_helpers,
        ],
        new_rows,
        [
            *_columns_write("updated_cases", statements.UPDATE_CASES, updates),
            *_columns_write("replaced_outcomes", statements.REPLACE_DEAD_LETTER_OUTCOMES, replacements),
            *notes,
            *priorities,
        ],
        min((each for each in due_at.values() if each is not None), default=None),
        len(replacements),
        bool(in_force or delete_helpers or len(photos) > 1 or len(notes) > 1 or replacements or priorities),
    )


def as_one_statement(writes: BatchWrites) -> list[Write] | None:
    """Return what a small batch changed as writes that do not depend on each other; None if some do."""
    if writes.depend_on_each_other:
        return None
    return [*writes.first, *_inserts(writes.new_rows), *writes.last]


async def save(conn: Connection, writes: BatchWrites) -> None:
    """Write what a batch changed.

    Raises SerializationError when another partition decided one of the ids meanwhile: the batch must be applied again.
    """
    for each in writes.first:
        await conn.execute(each.sql, *each.arguments)
    await _insert(conn, writes.new_rows)
    for each in writes.last:
        status = await conn.execute(each.sql, *each.arguments)
        if each.sql == statements.REPLACE_DEAD_LETTER_OUTCOMES and status != f"UPDATE {writes.replaced_outcomes}":
            raise asyncpg.SerializationError("another partition decided one of these ids meanwhile")


def _in_force_writes(entries: Iterable[DecodedRecord]) -> list[Write]:
    packs = {
        (each.record.partition, each.entry.city): each.entry for each in entries if isinstance(each.entry, CityInForce)
    }
    pack_rows = [(*key, entry.version, entry.in_force_at) for key, entry in packs.items()]
    return [
        *_columns_write("packs_in_force", statements.UPSERT_PACKS_IN_FORCE, pack_rows),
        *(
            Write("release_in_force", statements.UPSERT_RELEASE, (each.record.partition, each.entry.number))
            for each in entries
            if isinstance(each.entry, ReleaseInForce)
        ),
    ]


def _photo_writes(unit_of_work: UnitOfWork) -> list[Write]:
    new = [(lane, *photo[:4]) for lane, photo in unit_of_work.new_photos]
    used = [(*photo, round_) for photo, round_ in unit_of_work.used_photos.items()]
    return [
        *_columns_write("new_photos", statements.INSERT_PHOTOS, new),
        *_columns_write("used_photos", statements.USE_PHOTOS, used),
    ]


def _serial_writes(unit_of_work: UnitOfWork) -> list[Write]:
    rows = take_serial_rows(unit_of_work.serials) if unit_of_work.serials else ()
    return _columns_write("serials", UPSERT_SERIALS, rows)


def _camera_writes(unit_of_work: UnitOfWork) -> list[Write]:
    rows = camera_rows(unit_of_work.cameras) if unit_of_work.cameras else ()
    return _columns_write("cameras", UPSERT_CAMERA_RECORDS, rows)


def _helper_changes(changed_cases: Iterable[CaseFile]) -> tuple[list[tuple[str, str]], list[str]]:
    """Return the helpers to insert, as department and case, and the cases whose stored helpers are deleted before."""
    rows, stored_ids = [], []
    for each in changed_cases:
        state, before = each.current_state, open_helpers(each.stored) if each.stored else ()
        if (helpers := open_helpers(state)) != before:
            rows += [(department, state.case_id) for department in helpers]
            stored_ids += [state.case_id] if before else []
    return rows, stored_ids


def _note_writes(unit_of_work: UnitOfWork) -> list[Write]:
    replies = [(each.report_id, each.text, each.adopted, each.replied_at) for each in unit_of_work.replies.values()]
    return [
        *_columns_write("noted_reports", statements.INSERT_NOTED_REPORTS, unit_of_work.noted_reports),
        *_columns_write("replies", statements.UPDATE_REPLIES, replies),
    ]


def _columns_write(name: str, sql: str, rows: Sequence[RowValues]) -> list[Write]:
    return [Write(name, sql, tuple(zip(*rows, strict=True)))] if rows else []


def _inserts(new_rows: NewRows) -> list[Write]:
    rows_by_table = zip(statements.COLUMNS, new_rows, strict=True)
    return [
        write
        for table, rows in rows_by_table
        for write in _columns_write(f"new_{table}", statements.INSERT_ROWS[table], rows)
    ]


async def _insert(conn: Connection, new_rows: NewRows) -> None:
    try:
        if len(new_rows.history) <= COPY_THRESHOLD:
            await execute(conn, _inserts(new_rows))
        else:
            await _copy_rows(conn, new_rows)
    except asyncpg.UniqueViolationError as error:
        if error.table_name != "outcome":
            raise
        raise asyncpg.SerializationError("another partition decided one of these ids meanwhile") from error


async def _copy_rows(conn: Connection, new_rows: NewRows) -> None:
    for table, rows in zip(statements.COLUMNS, new_rows, strict=True):
        if rows:
            await conn.copy_records_to_table(table, records=rows, columns=list(statements.COLUMNS[table]))
