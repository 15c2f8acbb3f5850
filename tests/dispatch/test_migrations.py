"""The tables of an earlier release become what this release would have written."""

from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any, Final

import asyncpg
import pytest

from paidan_chassis.migrations.runner import load_migrations
from paidan_contracts.state import CaseState
from paidan_dispatch.cases.timers import Timer, running_timers
from paidan_dispatch.inbox.case_rows import is_held, is_overdue
from tests import servers as real
from tests.dispatch.applied_inbox import apply_records
from tests.dispatch.database_fixture import stored_states
from tests.dispatch.inbox_entries import build_report, city_in_force
from tests.dispatch.sample_log import sample_log

MIGRATIONS: Final = load_migrations(["paidan_dispatch.migrations"])
STEPS_BEHIND: Final = {"marks of held and overdue cases": "0069", "cases stored twice": "0089"}
"""What the migrations above a number change."""


@pytest.fixture
async def earlier(servers: real.ServerAddresses) -> AsyncIterator["asyncpg.Connection[Any]"]:
    async with real.fresh_database(servers) as dsn:
        conn = await asyncpg.connect(dsn, server_settings={"timezone": "UTC"})
        yield conn
        await conn.close()


@pytest.mark.parametrize("last", STEPS_BEHIND.values(), ids=STEPS_BEHIND)
async def test_cases_in_flight_are_migrated(
    pool: "asyncpg.Pool[Any]", earlier: "asyncpg.Connection[Any]", last: str
) -> None:
    await apply_records(pool, sample_log().append(city_in_force(), build_report("open", east_m=2500)).records)
    cases, history = await pool.fetch("SELECT * FROM case_now"), await pool.fetch("SELECT * FROM history")
    states = await stored_states(pool)
    await _migrate(earlier, [each for each in MIGRATIONS if each.name <= last])
    await _insert(earlier, "history", [dict(row) for row in history])
    await _insert(earlier, "case_now", [_earlier_row(row, history) for row in cases])
    await _insert(earlier, "timer", [_timer_row(timer) for state in states.values() for timer in running_timers(state)])

    await _migrate(earlier, [each for each in MIGRATIONS if each.name > last])

    migrated = {row["case_id"]: dict(row) for row in await earlier.fetch("SELECT * FROM case_now")}
    for row in cases:
        case_id = row["case_id"]
        assert migrated[case_id] == {**row, **_marks_of_departments_clocks(states[case_id], dict(row), last)}
    assert {row["next_due_at"] is None for row in cases} == {True, False}


async def test_the_release_before_goes_on_after_the_first_phase(
    pool: "asyncpg.Pool[Any]", earlier: "asyncpg.Connection[Any]"
) -> None:
    """It reads up to its mark while the schema is new already: its cases and timers are this release's, too."""
    await apply_records(pool, sample_log().append(city_in_force(), build_report("open", east_m=2500)).records)
    cases, history = await pool.fetch("SELECT * FROM case_now"), await pool.fetch("SELECT * FROM history")
    states = await stored_states(pool)
    await _migrate(earlier, [each for each in MIGRATIONS if each.phase == "pre"])
    late = [_timer_row(timer) for state in states.values() for timer in running_timers(state)]

    await _insert(earlier, "history", [dict(row) for row in history])
    await _insert(earlier, "case_now", [{**_earlier_row(row, history), "next_due_at": None} for row in cases])
    await _insert(earlier, "timer", late)
    await earlier.execute("DELETE FROM timer WHERE kind = 'accept'")
    await _insert(earlier, "timer", [row for row in late if row["kind"] == "accept"])
    await _migrate(earlier, [each for each in MIGRATIONS if each.phase == "post"])

    migrated = {row["case_id"]: row for row in await earlier.fetch("SELECT * FROM case_now")}
    assert [dict(migrated[row["case_id"]]) for row in cases] == [dict(row) for row in cases]


def _earlier_row(row: Mapping[str, Any], history: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    [newest] = [
        each["event"] for each in history if (each["case_id"], each["version"]) == (row["case_id"], row["version"])
    ]
    return {**row, "step": newest}


def _timer_row(timer: Timer) -> dict[str, Any]:
    names = ("case_id", "kind", "generation", "due_at")
    return {name: getattr(timer, name) for name in names} | {"lane": 0}


def _marks_of_departments_clocks(state: CaseState, row: dict[str, Any], last: str) -> dict[str, Any]:
    """Return the marks that a release gives a case that runs no clocks but those of departments."""
    marks = {"held": is_held(state), "overdue": is_overdue(state)}
    return marks if last < "0070" else {name: row[name] for name in marks}


async def _migrate(conn: "asyncpg.Connection[Any]", migrations: Sequence[Any]) -> None:
    for each in migrations:
        await conn.execute(each.statements)


async def _insert(conn: "asyncpg.Connection[Any]", table: str, rows: Sequence[Mapping[str, Any]]) -> None:
    """Insert rows as an earlier release wrote them, which had fewer columns."""
    known = {
        row["attname"]
        for row in await conn.fetch(
            "SELECT attname FROM pg_attribute WHERE attrelid = $1::regclass AND attnum > 0", table
        )
    }
    columns = [name for name in rows[0] if name in known]
    await conn.copy_records_to_table(table, records=[[row[name] for name in columns] for row in rows], columns=columns)
