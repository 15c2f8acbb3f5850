"""Who must act: the city's own rules in the city's own order, by its own clock, and a receipt for each answer."""

from typing import Any

import pytest

from paidan_contracts.actions import Return
from paidan_contracts.reports import ReportReceived
from paidan_dispatch.cases.decide import Moved
from paidan_dispatch.cases.filing import Filed, Unfiled, file
from paidan_dispatch.cases.policy import Bylaws
from tests.dispatch.builders import (
    How,
    judged,
    opened,
    report,
)
from tests.dispatch.sample_pack import bylaws, bylaws_of, document

SQUARE = [[(117.0, 36.0), (117.01, 36.0), (117.01, 36.01), (117.0, 36.01), (117.0, 36.0)]]


def placed(said: ReportReceived, by: Bylaws | None = None) -> tuple[str | None, str | None]:
    state = opened(said, by=by)
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
    assert placed(report(**more)) == (department, rule)


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
    assert placed(report(minutes=minutes))[0] == department


def test_a_case_that_comes_back_at_night_is_routed_by_the_night() -> None:
    step = judged(opened(), Return(code="other", reason="closed"), How(minutes=13 * 60))

    assert isinstance(step, Moved)
    assert step.after.department == "night"


def test_who_is_said_to_own_it_is_remembered_for_when_it_comes_back() -> None:
    pack = document()
    pack["routing"].insert(0, {"id": "first", "classes": ["C0101"], "lead": "roads"})
    by = bylaws_of(pack)

    step = judged(
        opened(report(class_code="C0101", suggested_owner="water"), by=by), Return(code="other", reason="x"), by=by
    )

    assert isinstance(step, Moved)
    assert (step.after.department, step.after.assignments[1].placed_by.rule) == ("water", "owner-first")


def test_a_named_area_is_found_by_position() -> None:
    pack = document()
    pack["geography"]["areas"] = [{"id": "park", "names": {"zh": "p", "en": "p"}, "shape": {"polygons": [SQUARE]}}]
    pack["routing"].insert(0, {"id": "in-the-park", "areas": ["park"], "lead": "water"})
    by = bylaws_of(pack)

    assert placed(report(place={"latitude": 36.005, "longitude": 117.005}), by) == ("water", "in-the-park")
    assert placed(report(place={"latitude": 36.5, "longitude": 117.5, "district": "1"}), by) == ("north", "streets")


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
    filing = file(class_code, row_id, bylaws())

    assert isinstance(filing, Filed)
    assert (filing.row.id, filing.filed_by.rule, filing.filed_by.city_version) == (row, chosen_by, bylaws().version)


@pytest.mark.parametrize("class_code", [None, "E0602", "E9999"])
def test_without_a_row_it_says_why_in_both_languages(class_code: str | None) -> None:
    filing = file(class_code, None, bylaws())

    assert isinstance(filing, Unfiled)
    assert all(filing.because)
    assert (class_code or "class") in filing.because.en
