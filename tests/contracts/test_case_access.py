"""Within their bounds posts see and move cases as keys of their duty do; beyond them there are no cases for them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from paidan_contracts.case_access import is_within_bounds, may_act, may_see
from paidan_contracts.places import Place
from paidan_contracts.scopes import Grants, grants_of
from paidan_contracts.state import CaseState
from tests.dispatch.builders import build_report, opened_case

OPEN_CASE = opened_case(build_report(class_code="E0110"))
WEST = Place(district="990101", street="990101001", community="990101001001")
OWN = f"department:{OPEN_CASE.department}"
PLACES = (Place(), WEST, Place(district="990102"), Place(district="990102", street="990102001"))
CLASSES = (None, "E0110", "E0401", "C0137")
DUTIES = (
    "role:inspector", "role:caller", "role:operator", "role:monitor", "role:importer", "role:admin", "role:auditor",
    OWN, "department:nobody", "source:hotline",
)  # fmt: skip
cases = st.builds(
    lambda place, code: OPEN_CASE.model_copy(update={"place": place, "class_code": code}),
    st.sampled_from(PLACES),
    st.sampled_from(CLASSES),
)
bounds = st.frozensets(
    st.sampled_from(["place:990101", "place:990101001", "place:990102", "class:E*", "class:E0110", "class:C0137"])
)


def grants(*scopes: str) -> Grants:
    return grants_of(frozenset(scopes))


@pytest.mark.parametrize(
    ("scopes", "within"),
    [
        ((), True),
        (("place:990101",), True),
        (("place:990101001",), True),
        (("place:990101001001", "place:990102"), True),
        (("place:990102",), False),
        (("class:E*",), True),
        (("class:*",), True),
        (("class:E0401", "class:E0110"), True),
        (("class:C*",), False),
        (("class:E0110", "place:990101"), True),
        (("class:E0110", "place:990102"), False),
        (("class:C0137", "place:990101"), False),
    ],
)
def test_bounds_are_met_by_one_class_and_one_place_of_them(scopes: tuple[str, ...], within: bool) -> None:
    assert is_within_bounds(grants(*scopes), "E0110", WEST) is within


def test_unknown_place_and_class_are_within_no_bounds() -> None:
    assert is_within_bounds(grants("role:operator"), None, Place())
    assert not is_within_bounds(grants("place:990101"), "E0110", Place())
    assert not is_within_bounds(grants("class:*"), None, WEST)


@given(st.sampled_from(DUTIES), bounds, cases)
def test_bounds_take_rights_and_never_give_any(duty: str, bound: frozenset[str], state: CaseState) -> None:
    unbounded, bounded = grants(duty), grants(duty, *bound)

    assert may_see(bounded, state) == (
        may_see(unbounded, state) and is_within_bounds(bounded, state.class_code, state.place)
    )
    assert may_act(bounded, state) <= may_see(bounded, state)
    assert may_act(bounded, state) <= may_act(unbounded, state)


@given(st.sampled_from(DUTIES), cases)
def test_who_sees_a_case_is_a_reader_by_role_or_a_department_with_its_order(duty: str, state: CaseState) -> None:
    readers = {"role:inspector", "role:caller", "role:operator", "role:monitor", "role:importer", "role:admin"}

    assert may_see(grants(duty), state) == (duty in readers | {OWN})
    assert may_act(grants(duty), state) == (duty in readers - {"role:monitor", "role:admin"} | {OWN})


def test_department_whose_order_is_not_out_sees_nothing() -> None:
    held = OPEN_CASE.model_copy(update={"status": "filed"})

    assert not may_see(grants(OWN), held)
    assert may_see(grants("role:operator"), held)
