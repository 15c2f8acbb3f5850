"""Corrections of imported records, by the import alone; live cases refuse them."""

from datetime import datetime
from typing import Any

import pytest

from paidan_contracts.actions import Action, Amend, Inspect
from paidan_contracts.department_actions import Accept, Finish
from paidan_contracts.reports import ImportedHistory
from paidan_contracts.state import CaseState
from paidan_dispatch.cases.decide import Progressed, Refused
from paidan_dispatch.matching.match import compute_index_change
from tests.dispatch.builders import (
    ActionContext,
    at_minute,
    case_after,
    decide_action,
    imported_report,
    opened_case,
    types,
)
from tests.dispatch.sample_pack import default_policy

IMPORTER = "importer:records"


def _past(*, promised_by: datetime | None = None, until: str = "closed") -> CaseState:
    state = opened_case(imported_report(past=ImportedHistory(owner="water", promised_by=promised_by)))
    steps: list[tuple[str, Action]] = [
        ("handling", Accept()),
        ("inspecting", Finish(text="mended")),
        ("closed", Inspect(passed=True)),
    ]
    for status, action in steps:
        if state.status != until:
            state = case_after(state, action, minutes=60, actor=IMPORTER)
            assert state.status == status
    return state


def _amended(state: CaseState, **fields: Any) -> CaseState:  # noqa: ANN401 - fields of the action
    result = decide_action(state, Amend(reason="the later export", **fields), ActionContext(actor=IMPORTER))
    assert isinstance(result, Progressed), result.refusal
    assert types(result) == ["amended"]
    return result.after


@pytest.mark.parametrize(("promised", "late"), [(at_minute(59), True), (at_minute(60), False), (at_minute(61), False)])
def test_promise_that_a_later_export_fills_in_judges_the_work(promised: datetime, late: bool) -> None:
    state = _amended(_past(), promised_by=promised)

    (limit,) = state.assignments[-1].limits
    assert (state.promised_by, limit.due_at, limit.late) == (promised, promised, late)
    assert (limit.overdue_at is not None) is late
    assert state.assignments[-1].overdue_at == limit.overdue_at


def test_promise_that_is_put_off_takes_the_lateness_back() -> None:
    late = _past(promised_by=at_minute(30))
    assert late.assignments[-1].limits[-1].late

    state = _amended(late, promised_by=at_minute(90))

    assert state.assignments[-1].overdue_at is None
    assert state.assignments[-1].limits[-1].late is False


def test_time_of_closing_is_corrected_with_the_work() -> None:
    state = _amended(_past(promised_by=at_minute(90)), closed_at=at_minute(100))

    assert (state.closed_at, state.inspected_at) == (at_minute(100), at_minute(100))
    assert state.assignments[-1].limits[-1].finished_at == at_minute(100)
    assert state.assignments[-1].limits[-1].late is True


def test_open_case_has_no_time_of_closing_to_correct() -> None:
    result = decide_action(
        _past(until="handling"), Amend(reason="x", closed_at=at_minute(9)), ActionContext(actor=IMPORTER)
    )

    assert isinstance(result, Refused)
    assert (result.refusal.code, result.refusal.field) == ("not_allowed_in_state", "action.closed_at")


def test_time_text_and_row_are_corrected_and_named() -> None:
    result = decide_action(
        _past(),
        Amend(reason="a mended mapping", occurred_at=at_minute(-60), text="a pipe", row_id="E0111-1"),
        ActionContext(actor=IMPORTER),
    )

    assert isinstance(result, Progressed)
    state = result.after
    assert (state.occurred_at, state.reported_at, state.text) == (at_minute(-60), at_minute(-60), "a pipe")
    assert (state.class_code, state.row_id) == ("E0111", "E0111-1")
    assert state.filed_by is not None
    assert state.filed_by.rule == "by_record"
    amended = result.events[0].model_dump()
    assert amended["reason"] == "a mended mapping"
    assert {"class_code", "occurred_at", "reported_at", "row_id", "text"} <= set(amended["fields"])


def test_what_was_so_already_is_not_named_as_changed() -> None:
    state = _past()

    result = decide_action(state, Amend(reason="again", text=state.text), ActionContext(actor=IMPORTER))

    assert isinstance(result, Progressed)
    assert result.events[0].model_dump()["fields"] == ()


def test_row_that_the_catalogue_lacks_is_refused() -> None:
    result = decide_action(_past(), Amend(reason="x", row_id="E9999-1"), ActionContext(actor=IMPORTER))

    assert isinstance(result, Refused)
    assert result.refusal.code == "unknown_row"


@pytest.mark.parametrize("actor", ["operator:olga", "inspector:ivy", "caller:carl", "department:water"])
def test_nobody_but_the_import_amends(actor: str) -> None:
    result = decide_action(_past(), Amend(reason="x", text="y"), ActionContext(actor=actor))

    assert isinstance(result, Refused)
    assert result.refusal.code in ("not_your_role", "not_your_order")


@pytest.mark.parametrize(
    "action",
    [Accept(), Finish(), Inspect(passed=True), Amend(reason="x", text="y")],
    ids=["accept", "finish", "inspect", "amend"],
)
def test_live_cases_refuse_an_import(action: Any) -> None:  # noqa: ANN401 - any action
    result = decide_action(opened_case(), action, ActionContext(actor=IMPORTER, door="import"))

    assert isinstance(result, Refused)
    assert (result.refusal.code, result.refusal.field) == ("not_an_import", "actor")


def test_amended_time_moves_the_case_where_it_is_matched() -> None:
    """Imported records of one word are matched by their times, too."""
    state = opened_case(imported_report(past=ImportedHistory(owner="water", matched_within="a")))

    after = _amended(state, occurred_at=at_minute(-90))

    change = compute_index_change(state, after, default_policy().match_rules)
    assert change is not None
    assert change.reported_at == at_minute(-90)  # type: ignore[union-attr]
