"""The city in figures: open, overdue, held and uncalled cases, by city, as their documents say."""

from typing import Any

import asyncpg
import pytest

from paidan_chassis.observability.metrics import Metrics
from paidan_dispatch.api.case_figures import CaseFigures
from paidan_dispatch.inbox.case_rows import is_held, is_overdue
from paidan_dispatch.inbox.unit_of_work import awaits_callback, ended_at
from tests.dispatch.applied_inbox import apply_records
from tests.dispatch.database_fixture import clear_tables, due_timers, stored_states
from tests.dispatch.inbox_entries import build_report, case_id_of
from tests.dispatch.sample_log import sample_log


@pytest.fixture
async def decided(pool: "asyncpg.Pool[Any]") -> "asyncpg.Pool[Any]":
    """Apply the sample log, and of one more case the passing of each limit that runs."""
    await clear_tables(pool)
    late = build_report("late", east_m=2500)
    log = sample_log().append(late)
    await apply_records(pool, log.records, batch_size=1000)
    applied = len(log.records)
    accept = [each for each in await due_timers(pool) if each.case_id == case_id_of(late)]
    log.append(*accept)
    await apply_records(pool, log.records[applied:], batch_size=1000)
    return pool


async def test_gauges_agree_with_the_documents_of_the_cases(decided: "asyncpg.Pool[Any]") -> None:
    states = (await stored_states(decided)).values()
    metrics = Metrics("dispatch")

    await CaseFigures(decided, metrics).update()

    expected = {
        "open": sum(ended_at(state) is None for state in states),
        "overdue": sum(is_overdue(state) for state in states),
        "held": sum(is_held(state) for state in states),
        "uncalled": sum(awaits_callback(state) for state in states),
    }
    labels = {"service": "dispatch", "city": "tiny"}
    found = {name: metrics.registry.get_sample_value(f"paidan_cases_{name}", labels) for name in expected}
    assert found == expected
    assert min(expected.values()) > 0, f"the sample log has each kind: {expected}"


async def test_a_figure_goes_back_to_zero(decided: "asyncpg.Pool[Any]") -> None:
    metrics = Metrics("dispatch")
    figures = CaseFigures(decided, metrics)
    await decided.execute("UPDATE case_now SET held = true, overdue = true WHERE ended_at IS NULL")
    await figures.update()
    labels = {"service": "dispatch", "city": "tiny"}
    before = metrics.registry.get_sample_value("paidan_cases_held", labels)

    await decided.execute("UPDATE case_now SET held = false, overdue = false")
    await figures.update()

    assert before
    assert metrics.registry.get_sample_value("paidan_cases_held", labels) == 0
    assert metrics.registry.get_sample_value("paidan_cases_overdue", labels) == 0
