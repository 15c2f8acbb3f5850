"""Cases under a ladder of escalation, as time goes by."""

from typing import Any

from paidan_contracts.actions import Action
from paidan_contracts.department_actions import Accept
from paidan_contracts.state import CaseState
from paidan_dispatch.cases.decide import Progressed, expire_timer
from paidan_dispatch.cases.policy import CityPolicy
from paidan_dispatch.cases.timers import Timer, running_timers
from tests.dispatch.builders import (
    at_minute,
    case_after,
    opened_case,
    timer_due,
    types,
)
from tests.dispatch.sample_pack import LADDER, pack_document, policy_of


def policy_with(warn_at: float = 0.5, ladder: dict[str, Any] | None = None) -> CityPolicy:
    document = pack_document()
    document["clocks"]["warn_at"] = warn_at
    document["posts"] = [
        {"id": "mayor", "names": {"zh": "市长", "en": "Mayor"}, "duty": "supervisor"},
        *(
            {"id": f"desk-{district}", "names": {"zh": "席位", "en": "Desk"}, "duty": "desk", "places": [district]}
            for district in "12"
        ),
    ]
    document["escalation"] = LADDER if ladder is None else ladder
    return policy_of(document)


POLICY = policy_with()


def after(state: CaseState, action: Action, minutes: float = 0) -> CaseState:
    return case_after(state, action, minutes=minutes, policy=POLICY)


def fire(state: CaseState, timer: Timer, policy: CityPolicy = POLICY) -> Progressed:
    result = expire_timer(state, timer_due(timer), policy)
    assert isinstance(result, Progressed), result
    return result


def run_until(
    state: CaseState, minutes: float, policy: CityPolicy = POLICY
) -> tuple[CaseState, list[tuple[str, float]]]:
    """Fire whatever is due until then; return the steps with their minutes."""
    told: list[tuple[str, float]] = []
    while len(told) < 50 and (due := [each for each in running_timers(state) if each.due_at <= at_minute(minutes)]):
        step = fire(state, min(due, key=lambda each: each.due_at), policy)
        minute = (step.events[0].recorded_at - at_minute(0)).total_seconds() / 60
        told += [(kind, minute) for kind in types(step)]
        state = step.after
    return state, told


def levels(state: CaseState) -> list[str]:
    return [each.level for each in state.escalation.standing] if state.escalation else []


def accepted(minutes: float = 5) -> CaseState:
    return after(opened_case(policy=POLICY), Accept(), minutes)
