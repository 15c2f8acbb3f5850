"""The city in figures and queues: open, overdue, held and uncalled cases, as their documents say."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from itertools import product
from typing import Any, get_args

import asyncpg
import pytest

from paidan_chassis.observability.metrics import Metrics
from paidan_contracts.assignments import RuleRef
from paidan_contracts.state import Answerable, CaseState, Status
from paidan_contracts.unvalidated import replace_unvalidated
from paidan_dispatch.api.case_figures import CaseFigures
from paidan_dispatch.api.case_filter import CaseFilter, PendingRequest
from paidan_dispatch.api.case_lists import list_cases
from paidan_dispatch.api.queries import PageKey
from paidan_dispatch.cases.timers import running_timers
from paidan_dispatch.inbox.case_rows import answers_of, awaits_callback, ended_at, is_held, is_overdue
from tests.dispatch.applied_inbox import apply_records
from tests.dispatch.database_fixture import clear_tables, due_timers, stored_states
from tests.dispatch.inbox_entries import build_report, case_id_of
from tests.dispatch.sample_log import sample_log

IN_THE_WEST = {"latitude": 36.02, "longitude": 117.0, "district": "990101", "street": "990101001"}


@pytest.fixture
async def decided(pool: "asyncpg.Pool[Any]") -> "asyncpg.Pool[Any]":
    """Apply the sample log, and of one more case the passing of each limit that runs."""
    await clear_tables(pool)
    late = build_report("late", east_m=2500)
    snapped = build_report("snapped", east_m=3500, source="photo", place=IN_THE_WEST)
    log = sample_log().append(late, snapped)
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


@pytest.mark.parametrize(
    ("wanted", "is_wanted"),
    [
        (CaseFilter(city="tiny", held=True), is_held),
        (CaseFilter(city="tiny", overdue=True), is_overdue),
        (CaseFilter(city="tiny", not_called_back=True, statuses=("closed",)), awaits_callback),
        (CaseFilter(held=True, overdue=True), lambda state: is_held(state) and is_overdue(state)),
        (CaseFilter(source="photo"), lambda state: state.source == "photo"),
        (CaseFilter(place="990101001"), lambda state: state.place.street == "990101001"),
        (
            CaseFilter(within_places=["990102", "990101001"], within_classes=["E01*", "C0137"]),
            lambda state: (
                (state.place.district == "990102" or state.place.street == "990101001")
                and (state.class_code or "").startswith(("E01", "C0137"))
            ),
        ),
    ],
    ids=["held", "overdue", "uncalled", "both", "source", "place", "bounds"],
)
async def test_queue_lists_the_cases_that_are_counted_page_by_page(
    decided: "asyncpg.Pool[Any]", wanted: CaseFilter, is_wanted: Callable[[CaseState], bool]
) -> None:
    expected = sorted(
        (state.reported_at, state.case_id) for state in (await stored_states(decided)).values() if is_wanted(state)
    )

    for oldest_first in (True, False):
        listed = await _listed(decided, replace(wanted, oldest_first=oldest_first))
        assert listed == (expected if oldest_first else expected[::-1])
    assert expected or (wanted.held and wanted.overdue), "the sample log has each kind"


async def test_lists_by_who_answers_share_out_the_cases_that_are_counted(decided: "asyncpg.Pool[Any]") -> None:
    """Leaders, offices and units whose names begin alike are told apart, among open and among ended cases."""
    states = sorted((await stored_states(decided)).values(), key=lambda each: (each.reported_at, each.case_id))
    answers = {
        state.case_id: Answerable(
            leader=("mayor", "mayor-2")[number % 2],
            office=("roads", None)[number // 2 % 2],
            unit=("mayor", "roads", None)[number % 3],
            named_by=RuleRef(rule="x", city_version="0" * 64),
        )
        for number, state in enumerate(states)
    }
    for state in states:
        named = answers_of(replace_unvalidated(state, answerable=answers[state.case_id]))
        await decided.execute("UPDATE case_now SET answerable = $2 WHERE case_id = $1", state.case_id, named)
    metrics = Metrics("dispatch")
    await CaseFigures(decided, metrics).update()
    figure = metrics.registry.get_sample_value("paidan_cases_open", {"service": "dispatch", "city": "tiny"})

    open_listed = 0
    for kind, name in product(("leader", "office", "unit"), ("mayor", "mayor-2", "roads")):
        theirs = [each for each in states if getattr(answers[each.case_id], kind) == name]
        for walked, stages in product((1, None), ((), ("closed", "voided"), get_args(Status)[:6])):
            wanted = CaseFilter(city="tiny", answered_by=[f"{kind}={name}"], statuses=stages, oldest_first=True)
            expected = [(each.reported_at, each.case_id) for each in theirs if not stages or each.status in stages]
            assert await _listed(decided, wanted, walked=walked) == expected
        open_listed += kind == "leader" and sum(ended_at(each) is None for each in theirs)
    assert open_listed == figure
    both = CaseFilter(city="tiny", answered_by=["leader=mayor", "unit=roads"])
    assert len(await _listed(decided, both)) == sum(
        (each.leader, each.unit) == ("mayor", "roads") for each in answers.values()
    )


async def test_queue_of_requests_lists_by_kind(decided: "asyncpg.Pool[Any]") -> None:
    keys = sorted((each.reported_at, each.case_id) for each in (await stored_states(decided)).values())
    asked = {"extension": keys[0], "suspension": keys[1]}
    for kind, (_, case_id) in asked.items():
        await decided.execute("UPDATE case_now SET pending_request = $1 WHERE case_id = $2", kind, case_id)

    expected_of: tuple[tuple[PendingRequest, list[tuple[datetime, str]]], ...] = (
        ("any", keys[:2]),
        ("extension", keys[:1]),
        ("suspension", keys[1:2]),
        ("appeal", []),
    )
    for pending, expected in expected_of:
        assert await _listed(decided, CaseFilter(city="tiny", pending=pending, oldest_first=True)) == expected


async def test_queues_by_traffic_light_share_out_the_open_cases_that_have_a_limit(decided: "asyncpg.Pool[Any]") -> None:
    running = {
        (each.reported_at, each.case_id)
        for each in (await stored_states(decided)).values()
        if running_timers(each) and ended_at(each) is None and not is_overdue(each)
    }
    soon, in_time = CaseFilter(city="tiny", due_soon=True), CaseFilter(city="tiny", in_time=True)
    assert (await _listed(decided, soon), await _listed(decided, in_time)) == ([], sorted(running, reverse=True))
    warned = min(running)

    await decided.execute("UPDATE case_now SET due_soon = true, level = 'leader' WHERE case_id = $1", warned[1])

    assert await _listed(decided, soon) == [warned]
    assert await _listed(decided, in_time) == sorted(running - {warned}, reverse=True)
    assert await _listed(decided, CaseFilter(level="leader")) == [warned]
    assert await _listed(decided, CaseFilter(level="listed")) == []


async def test_queue_of_what_is_due_soon_goes_by_the_next_clock(decided: "asyncpg.Pool[Any]") -> None:
    states = (await stored_states(decided)).values()
    due = {
        (each.reported_at, each.case_id): min(timer.due_at for timer in running_timers(each))
        for each in states
        if running_timers(each) and ended_at(each) is None
    }
    for moment in sorted(set(due.values())):
        expected = sorted(key for key, at in due.items() if at < moment)

        assert await _listed(decided, CaseFilter(city="tiny", due_before=moment, oldest_first=True)) == expected
    assert len(set(due.values())) > 1


async def _listed(
    pool: "asyncpg.Pool[Any]", wanted: CaseFilter, *, walked: int | None = None
) -> list[tuple[datetime, str]]:
    """Return the cases of all pages of two."""
    found: list[tuple[datetime, str]] = []
    page = [wanted]
    for each in page:
        cases = await list_cases(pool, replace(each, limit=2), walked=walked)
        found += [(state.reported_at, state.case_id) for state in cases]
        if len(cases) == 2:
            page.append(replace(each, after=PageKey(*found[-1])))
    return found
