"""Cases in work and closed late, and what is refused of them, for tests of time limits."""

from datetime import datetime

from paidan_contracts.actions import Action, Inspect
from paidan_contracts.department_actions import Accept, Finish
from paidan_contracts.state import CaseState
from paidan_contracts.time_limit_actions import (
    AskExtension,
    Review,
)
from paidan_dispatch.cases.decide import Refused
from paidan_dispatch.cases.policy import CityPolicy
from tests.dispatch.builders import (
    ActionContext,
    build_report,
    case_after,
    decide_action,
    opened_case,
    types,
)

ASK, YES, NO = AskExtension(reason="the part is late"), Review(approved=True), Review(approved=False, reason="no")
CHIEF, DISPATCHER, OTHER = "department:north", "operator:olga", "operator:oscar"
HOUR = 60


def in_work(*, minutes: float = 1, policy: CityPolicy | None = None, class_code: str = "E0110") -> CaseState:
    return case_after(
        opened_case(build_report(class_code=class_code), policy=policy), Accept(), minutes=minutes, policy=policy
    )


def due(state: CaseState) -> datetime | None:
    return state.assignments[-1].limits[-1].due_at


def refused(
    state: CaseState, action: Action, *, minutes: float = 5, actor: str | None = None
) -> tuple[str, str | None]:
    result = decide_action(state, action, ActionContext(minutes=minutes, actor=actor))
    assert isinstance(result, Refused), types(result)
    assert result.refusal.message_zh
    return result.refusal.code, result.refusal.field


def extended(state: CaseState, *, minutes: float = 5) -> CaseState:
    asked = case_after(state, ASK, minutes=minutes)
    passed_on = case_after(asked, YES, minutes=minutes, actor=CHIEF)
    return case_after(passed_on, YES, minutes=minutes, actor=DISPATCHER)


def closed_late() -> CaseState:
    finished = case_after(in_work(), Finish(), minutes=7 * HOUR)
    return case_after(finished, Inspect(passed=True), minutes=8 * HOUR)
