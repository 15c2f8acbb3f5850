"""Actions, the statuses that allow each of them and what follows, and a case in every status."""

from functools import cache
from typing import get_args

from paidan_contracts.actions import Action, Assign, CallBack, File, Inspect, Redispatch, Urge, Verify, Void
from paidan_contracts.construction_actions import PlanConstruction
from paidan_contracts.department_actions import Accept, Finish, Return
from paidan_contracts.record_actions import AddNote, Correct
from paidan_contracts.settlement_actions import Settle
from paidan_contracts.state import CaseState, Status
from paidan_contracts.time_limit_actions import (
    Appeal,
    AskExtension,
    AskSuspension,
    FinishStep,
    PlanStep,
    Resume,
    Review,
    SetLimit,
)
from paidan_contracts.unit_actions import HandOn
from paidan_contracts.verification_actions import CannotVerify
from paidan_dispatch.cases.decide import Refused
from paidan_dispatch.cases.names import ACTION_NAMES, STATUS_NAMES
from tests.dispatch.builders import at_minute, build_report, case_after, opened_case

STATES: tuple[Status, ...] = get_args(Status)
ACTIONS: dict[str, Action] = {
    "verify": Verify(verified=True),
    "verify_false": Verify(verified=False, reason="nothing there"),
    "cannot_verify": CannotVerify(reason="the gate is locked"),
    "plan_construction": PlanConstruction(due_at=at_minute(90_000), reason="no lamp stands there"),
    "settle": Settle(text="swept"),
    "file": File(row_id="E0111-1"),
    "assign": Assign(department="water", reason="it leaks"),
    "redispatch": Redispatch(department="water", reason="it leaks"),
    "accept": Accept(),
    "return": Return(code="not_our_duty", reason="it is a pipe"),
    "finish": Finish(text="done"),
    "inspect": Inspect(passed=True),
    "inspect_false": Inspect(passed=False, reason="still there"),
    "call_back": CallBack(rating="satisfied"),
    "call_back_dissatisfied": CallBack(rating="dissatisfied"),
    "void": Void(reason="a test call"),
    "urge": Urge(reason="it smells"),
    "correct": Correct(row_id="E0111-1", reason="it is rubble"),
    "note": AddNote(text="the gate is locked"),
    "ask_extension": AskExtension(reason="the part is on its way"),
    "ask_suspension": AskSuspension(reason="a court decides first", resume_at=at_minute(50_000)),
    "appeal": Appeal(reason="the road was closed"),
    "review": Review(approved=True),
    "resume": Resume(),
    "set_limit": SetLimit(due_at=at_minute(500), reason="the mayor said so"),
    "plan_step": PlanStep(due_at=at_minute(300), text="dig"),
    "finish_step": FinishStep(step=1),
    "hand_on": HandOn(unit="north", person="10000000-0000-4000-8000-000000000001"),
}
# The status after each allowed action, and its events. Filing anew keeps the status of an assigned case; another row is
# not for a limit that stands.
ALLOWED: dict[tuple[str, str], tuple[Status, tuple[str, ...]]] = {
    ("received", "verify"): ("dispatched", ("filed", "dispatched")),
    **{(status, "note"): (status, ("note_added",)) for status in STATES},
    **{
        (status, "correct"): (status, ("corrected",)) for status in ("received", "dispatched", "handling", "inspecting")
    },
    ("filed", "correct"): ("dispatched", ("corrected", "dispatched")),
    ("received", "verify_false"): ("not_accepted", ("not_accepted",)),
    ("received", "cannot_verify"): ("received", ("verification_answered",)),
    ("filed", "plan_construction"): ("filed", ("construction_planned",)),
    ("dispatched", "plan_construction"): ("filed", ("construction_planned",)),
    ("handling", "plan_construction"): ("filed", ("construction_planned",)),
    ("received", "settle"): ("closed", ("filed", "dispatched", "settled")),
    ("dispatched", "settle"): ("closed", ("settled",)),
    ("filed", "assign"): ("dispatched", ("dispatched",)),
    ("filed", "file"): ("dispatched", ("filed", "dispatched")),
    ("filed", "void"): ("voided", ("voided",)),
    ("dispatched", "accept"): ("handling", ("accepted",)),
    ("dispatched", "finish"): ("inspecting", ("accepted", "finished")),
    ("dispatched", "hand_on"): ("handling", ("accepted", "handed_on")),
    ("handling", "hand_on"): ("handling", ("handed_on",)),
    ("dispatched", "urge"): ("dispatched", ("urged",)),
    ("dispatched", "return"): ("dispatched", ("returned", "dispatched")),
    ("dispatched", "redispatch"): ("dispatched", ("dispatched",)),
    ("dispatched", "file"): ("dispatched", ("filed",)),
    ("dispatched", "void"): ("voided", ("voided",)),
    ("handling", "finish"): ("inspecting", ("finished",)),
    ("handling", "return"): ("dispatched", ("returned", "dispatched")),
    ("handling", "file"): ("handling", ("filed",)),
    ("handling", "urge"): ("handling", ("urged",)),
    ("handling", "redispatch"): ("dispatched", ("dispatched",)),
    ("handling", "void"): ("voided", ("voided",)),
    ("dispatched", "set_limit"): ("dispatched", ("limit_set",)),
    ("dispatched", "plan_step"): ("dispatched", ("step_planned",)),
    ("handling", "set_limit"): ("handling", ("limit_set",)),
    ("handling", "plan_step"): ("handling", ("step_planned",)),
    ("handling", "ask_extension"): ("handling", ("request_made",)),
    ("handling", "ask_suspension"): ("handling", ("request_made",)),
    ("suspended", "resume"): ("handling", ("resumed",)),
    ("suspended", "redispatch"): ("dispatched", ("dispatched",)),
    ("suspended", "void"): ("voided", ("voided",)),
    ("inspecting", "redispatch"): ("dispatched", ("dispatched",)),
    ("inspecting", "void"): ("voided", ("voided",)),
    ("inspecting", "inspect"): ("closed", ("closed",)),
    ("inspecting", "inspect_false"): ("handling", ("reworked",)),
    ("closed", "call_back"): ("closed", ("called_back",)),
    ("closed", "call_back_dissatisfied"): ("handling", ("called_back", "reopened")),
}


@cache
def case_in_status(status: str) -> CaseState:
    """Return a case in a status, by the shortest way."""
    if status == "received":
        return opened_case(build_report(source="app"))
    if status == "filed":
        return opened_case(build_report(class_code=None))
    if status == "suspended":
        asked = case_after(case_in_status("handling"), ACTIONS["ask_suspension"])
        return case_after(asked, ACTIONS["review"])
    before = {"handling": "dispatched", "inspecting": "handling", "closed": "inspecting", "not_accepted": "received"}
    doing = {"handling": "accept", "inspecting": "finish", "closed": "inspect", "not_accepted": "verify_false"}
    if status == "voided":
        return case_after(case_in_status("filed"), ACTIONS["void"])
    if status == "dispatched":
        return opened_case()
    return case_after(case_in_status(before[status]), ACTIONS[doing[status]])


def assert_explains(refused: Refused, status: Status) -> None:
    """Without what is allowed instead, a client would repeat the refused action."""
    why = refused.refusal
    allowed = why.message.partition(f"The case is {STATUS_NAMES[status].en}: ")[2]
    assert allowed
    for kind in {ACTIONS[name].kind for state, name in ALLOWED if state == status}:
        assert ACTION_NAMES[kind].en.lower() in allowed
    assert "案件现为" in why.message_zh
