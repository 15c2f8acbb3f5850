"""Corrections of running cases by an operator: what changes, what follows from it, and what is refused."""

from typing import Any

import pytest

from paidan_contracts.actions import Inspect, Verify
from paidan_contracts.department_actions import Accept, Finish, Return
from paidan_contracts.orders import OrderChanged, OrderIssued, OrderWithdrawn
from paidan_contracts.reports import ImportedHistory
from paidan_dispatch.cases.orders import order_events
from paidan_dispatch.matching.candidates import Duplicate
from paidan_dispatch.matching.match import CandidateIndex, candidate_of, compute_index_change, match, squares_around
from tests.dispatch.action_table import case_in_status
from tests.dispatch.builders import (
    at_minute,
    build_report,
    case_after,
    finished,
    imported_report,
    opened_case,
    types,
)
from tests.dispatch.corrected_cases import correct, corrections_of, drawn_city, refusal_of
from tests.dispatch.sample_pack import default_policy


def test_each_corrected_field_stands_in_the_step_before_and_after() -> None:
    state = opened_case(build_report(text="at the gate"))

    result = correct(state, text="at the bridge", address="Bridge 1", row_id="E0111-1")

    assert corrections_of(result) == {
        "text": ("at the gate", "at the bridge"),
        "address": (None, "Bridge 1"),
        "class_code": ("E0110", "E0111"),
        "row_id": ("E0110-1", "E0111-1"),
    }


def test_position_is_resolved_by_the_citys_geography() -> None:
    policy = drawn_city()
    state = opened_case(policy=policy)

    result = correct(state, latitude=36.5, longitude=118.0, policy=policy)

    assert result.after.place.district == "2"
    assert corrections_of(result) == {
        "position": ("36.000000, 117.000000", "36.500000, 118.000000"),
        "district": ("1", "2"),
    }


def test_position_outside_the_city_is_refused() -> None:
    policy = drawn_city()

    assert refusal_of(opened_case(policy=policy), policy, latitude=36.5, longitude=110.0) == (
        "invalid_field",
        "action.latitude",
    )


def test_dispatched_case_stays_with_its_department_which_is_told() -> None:
    state = opened_case()

    result = correct(state, latitude=36.01, longitude=117.01, district="2")

    assert types(result) == ["corrected"]
    assert (result.after.department, result.after.place.district) == ("north", "2")
    (told,) = order_events(state, result.events, default_policy())
    assert isinstance(told, OrderChanged)
    assert (told.because, told.reason, told.order.place.district) == ("corrected", "the caller was misheard", "2")


def test_held_case_is_routed_again_once_its_class_is_known() -> None:
    state = opened_case(build_report(class_code=None))
    assert state.status == "filed"

    result = correct(state, class_code="E0111")

    assert types(result) == ["corrected", "dispatched"]
    assert (result.after.row_id, result.after.department) == ("E0111-1", "north")


def test_held_case_whose_words_alone_are_corrected_waits_on() -> None:
    state = opened_case(build_report(class_code=None))

    result = correct(state, text="at the bridge")

    assert types(result) == ["corrected"]
    assert result.after.held_because == state.held_because


def test_unverified_case_is_filed_under_the_corrected_row() -> None:
    state = correct(case_in_status("received"), row_id="E0110-2").after
    assert (state.status, state.row_id, state.suggested_row) == ("received", None, "E0110-2")

    verified = case_after(state, Verify(verified=True))

    assert (verified.row_id, verified.department) == ("E0110-2", "roads")


def test_other_row_judges_the_limit_anew_from_its_beginning() -> None:
    state = opened_case()
    assert state.assignments[-1].limits[-1].due_at == at_minute(360)

    after = correct(state, row_id="E0110-2", minutes=60).after

    limit = after.assignments[-1].limits[-1]
    assert (limit.number, limit.began_at, limit.due_at) == (2, at_minute(0), at_minute(24 * 60))


def test_finished_work_is_judged_by_the_other_rows_limit() -> None:
    """The limit of two hours was over when the work was finished."""
    state = finished(minutes=130)
    assert state.assignments[-1].limits[-1].late is False

    after = correct(state, row_id="C0101-1", minutes=140).after

    limit = after.assignments[-1].limits[-1]
    assert (limit.finished_at, limit.late, limit.overdue_at) == (at_minute(130), True, at_minute(120))
    assert case_after(after, Inspect(passed=True), minutes=150).assignments[-1].overdue_at == at_minute(120)


def test_other_department_receives_the_order_and_the_first_one_loses_it() -> None:
    state = case_after(opened_case(), Accept(), minutes=1)

    result = correct(state, department="water")

    assert types(result) == ["corrected", "dispatched"]
    assert corrections_of(result) == {"department": ("north", "water")}
    withdrawn, issued = order_events(state, result.events, default_policy())
    assert (type(withdrawn), withdrawn.order.department) == (OrderWithdrawn, "north")
    assert (type(issued), issued.order.department) == (OrderIssued, "water")


def test_returned_case_may_go_to_the_same_department_again() -> None:
    state = opened_case()
    for _ in range(2):
        back = Return(code="other", reason="not ours")
        state = case_after(state, back, actor=f"department:{state.department}")
    assert state.status == "filed"

    assert correct(state, department=state.department).after.status == "dispatched"


def test_matching_follows_the_corrected_place_and_class() -> None:
    policy, state = default_policy(), opened_case()
    after = correct(state, latitude=36.01, longitude=117.01, row_id="E0601-1").after
    index = CandidateIndex()
    index.apply(candidate_of(state, policy.match_rules))
    index.apply(compute_index_change(state, after, policy.match_rules))

    def found(**fields: Any) -> object:  # noqa: ANN401 - fields of a report
        report = build_report("2", **fields)
        squares = squares_around(report, policy.match_rules)
        return match(report, index.in_squares(squares), policy.match_rules, lambda _: after)

    moved = {"latitude": 36.01, "longitude": 117.01, "district": "1"}
    assert isinstance(found(place=moved, class_code="E0601"), Duplicate)
    assert not isinstance(found(place=moved), Duplicate)
    assert not isinstance(found(class_code="E0601"), Duplicate)
    same_class = correct(state, latitude=36.01, longitude=117.01).after
    assert compute_index_change(state, same_class, policy.match_rules) == candidate_of(same_class, policy.match_rules)


@pytest.mark.parametrize(
    ("fields", "refusal"),
    [
        ({"text": ""}, ("invalid_field", "action.kind")),
        ({"row_id": "E0110-1"}, ("invalid_field", "action.kind")),
        ({"class_code": "E0110"}, ("invalid_field", "action.kind")),
        ({"row_id": "E9999-1"}, ("unknown_row", "action.row_id")),
        ({"class_code": "E9999"}, ("unknown_class", "action.class_code")),
        ({"class_code": "E0602"}, ("unknown_row", "action.class_code")),
        ({"class_code": "E0111", "row_id": "E0110-2"}, ("invalid_field", "action.row_id")),
        ({"department": "fire"}, ("unknown_department", "action.department")),
        ({"district": "9"}, ("invalid_field", "action.district")),
    ],
)
def test_refused_corrections_name_the_field(fields: dict[str, Any], refusal: tuple[str, str]) -> None:
    assert refusal_of(opened_case(), **fields) == refusal


def test_words_and_address_of_a_confidential_case_stay_in_the_vault() -> None:
    state = opened_case(build_report(confidential=True))

    assert refusal_of(state, text="at the bridge") == ("not_allowed_in_state", "action.text")
    assert refusal_of(state, address="Bridge 1") == ("not_allowed_in_state", "action.address")
    assert correct(state, row_id="E0110-2").after.text == ""


def test_imported_past_is_not_corrected_but_amended() -> None:
    state = opened_case(imported_report(past=ImportedHistory(owner="water")))

    assert refusal_of(state, text="x") == ("not_allowed_in_state", "action.kind")


def test_unverified_case_has_no_department_to_correct() -> None:
    assert refusal_of(case_in_status("received"), department="water") == ("not_allowed_in_state", "action.department")


def test_limit_that_stands_is_not_judged_by_another_row() -> None:
    state = case_in_status("suspended")

    assert refusal_of(state, row_id="E0111-1") == ("not_allowed_in_state", "action.row_id")
    assert correct(state, text="at the gate").after.text == "at the gate"


def test_finish_after_a_correction_is_judged_by_the_new_limit() -> None:
    state = correct(opened_case(), row_id="C0101-1").after

    after = case_after(state, Finish(), minutes=121)

    assert after.assignments[-1].limits[-1].late is True
