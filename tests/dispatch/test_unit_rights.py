"""Which units may be given a case by hand: those that work by themselves, and have the rights that it needs."""

import pytest

from paidan_contracts.actions import Assign, Redispatch
from paidan_dispatch.cases.decide import Progressed, Refused
from tests.dispatch.builders import build_report, decide_action, opened_case
from tests.dispatch.units import policy_with_units

ENFORCED = policy_with_units(enforcement=("E0110",))


def test_unit_that_acts_through_its_bureau_is_not_dispatched_to() -> None:
    result = decide_action(opened_case(), Redispatch(department="far-squad", reason="x"), policy=ENFORCED)

    assert isinstance(result, Refused)
    assert result.refusal.code == "acts_through_bureau"
    assert "dispatch the case to south (south)" in result.refusal.message
    assert "far-squad单位通过所属单位办理：请派遣给south（south）" in result.refusal.message_zh


@pytest.mark.parametrize(("class_code", "refused"), [("E0110", True), ("E0111", False)])
def test_unit_without_enforcement_rights_is_refused_by_name_what_needs_them(class_code: str, refused: bool) -> None:
    policy = policy_with_units(enforcement=("E0110",))
    contractor = policy.city.departments["water"].model_copy(update={"enforcement": False})
    pack = policy.city.pack.model_copy(
        update={
            "departments": tuple(contractor if each.id == "water" else each for each in policy.city.pack.departments)
        }
    )
    policy = type(policy).from_city(type(policy.city).of(pack))
    state = opened_case(build_report(class_code=class_code), policy=policy)

    result = decide_action(state, Redispatch(department="water", reason="x"), policy=policy)

    if refused:
        assert isinstance(result, Refused)
        assert result.refusal.code == "no_enforcement_rights"
        assert "E0110-1 needs enforcement rights, and water (water) has none" in result.refusal.message
    else:
        assert isinstance(result, Progressed)


def test_pack_without_a_tree_assigns_as_before() -> None:
    state = opened_case(build_report(class_code="E0602"))
    result = decide_action(state, Assign(department="water", reason="x"))

    assert isinstance(result, Progressed)
