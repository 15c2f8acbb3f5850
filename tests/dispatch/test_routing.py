"""Which department must act: the city's rules in order, by its local time, with a receipt for each decision."""

from typing import Any

import pytest

from paidan_contracts.department_actions import Return
from paidan_contracts.reports import ReportReceived
from paidan_dispatch.cases.decide import Progressed
from paidan_dispatch.cases.policy import CityPolicy, Filed, Unfiled, select_row
from tests.dispatch.builders import ActionContext, build_report, decide_action, opened_case
from tests.dispatch.sample_pack import default_policy, pack_document, policy_of

SQUARE = [[(117.0, 36.0), (117.01, 36.0), (117.01, 36.01), (117.0, 36.01), (117.0, 36.0)]]


def route_report(report: ReportReceived, by: CityPolicy | None = None) -> tuple[str | None, str | None]:
    state = opened_case(report, policy=by)
    return state.department, state.assignments[0].placed_by.rule if state.assignments else None


@pytest.mark.parametrize(
    ("more", "department", "rule"),
    [
        ({}, "north", "streets"),
        ({"place": {"district": "2"}}, "south", "streets"),
        ({"place": {"district": "3"}}, None, None),
        ({"row_id": "E0110-2"}, "roads", "big-heaps"),
        ({"class_code": "C0101", "suggested_owner": "water"}, "water", "owner-first"),
        ({"class_code": "C0101", "suggested_owner": "stranger"}, "roads", "rest"),
        ({"class_code": "C0101"}, "roads", "rest"),
    ],
)
def test_the_first_rule_that_covers_a_case_names_its_department(
    more: dict[str, Any], department: str | None, rule: str | None
) -> None:
    assert route_report(build_report(**more)) == (department, rule)


@pytest.mark.parametrize(
    ("minutes", "department"),
    [
        pytest.param(13 * 60 - 1, "north", id="21:59 in the city, though 13:59 in Greenwich"),
        pytest.param(13 * 60, "night", id="22:00"),
        pytest.param(21 * 60 - 1, "night", id="05:59 the next morning"),
        pytest.param(21 * 60, "north", id="06:00"),
    ],
)
def test_time_is_the_citys_own_when_the_report_was_recorded(minutes: float, department: str) -> None:
    assert route_report(build_report(minutes=minutes))[0] == department


def test_a_case_that_comes_back_at_night_is_routed_by_the_night() -> None:
    step = decide_action(opened_case(), Return(code="other", reason="closed"), ActionContext(minutes=13 * 60))

    assert isinstance(step, Progressed)
    assert step.after.department == "night"


def test_recorded_owner_is_reused_on_reopening() -> None:
    pack = pack_document()
    pack["routing"].insert(0, {"id": "first", "classes": ["C0101"], "lead": "roads"})
    by = policy_of(pack)

    step = decide_action(
        opened_case(build_report(class_code="C0101", suggested_owner="water"), policy=by),
        Return(code="other", reason="x"),
        policy=by,
    )

    assert isinstance(step, Progressed)
    assert (step.after.department, step.after.assignments[1].placed_by.rule) == ("water", "owner-first")


def test_a_named_area_is_found_by_position() -> None:
    pack = pack_document()
    pack["geography"]["areas"] = [{"id": "park", "names": {"zh": "p", "en": "p"}, "shape": {"polygons": [SQUARE]}}]
    pack["routing"].insert(0, {"id": "in-the-park", "areas": ["park"], "lead": "water"})
    by = policy_of(pack)

    assert route_report(build_report(place={"latitude": 36.005, "longitude": 117.005}), by) == ("water", "in-the-park")
    assert route_report(build_report(place={"latitude": 36.5, "longitude": 117.5, "district": "1"}), by) == (
        "north",
        "streets",
    )


@pytest.mark.parametrize(
    ("class_code", "row_id", "row", "chosen_by"),
    [
        ("E0110", None, "E0110-1", "default_row"),
        ("E0110", "E0110-1", "E0110-1", "by_report"),
        ("E0110", "E0110-2", "E0110-2", "by_report"),
        ("E0110", "E0110-7", "E0110-1", "default_row"),
        ("E0110", "C0101-1", "E0110-1", "default_row"),
    ],
)
def test_the_row_is_the_one_named_or_the_classs_default(
    class_code: str, row_id: str | None, row: str, chosen_by: str
) -> None:
    filing = select_row(class_code, row_id, default_policy())

    assert isinstance(filing, Filed)
    assert (filing.row.id, filing.filed_by.rule, filing.filed_by.city_version) == (
        row,
        chosen_by,
        default_policy().version,
    )


@pytest.mark.parametrize("class_code", [None, "E0602", "E9999"])
def test_without_a_row_the_reason_is_in_both_languages(class_code: str | None) -> None:
    filing = select_row(class_code, None, default_policy())

    assert isinstance(filing, Unfiled)
    assert all(filing.reason)
    assert (class_code or "class") in filing.reason.en
