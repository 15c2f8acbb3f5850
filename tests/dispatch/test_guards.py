"""Every action in every state, by every role: allowed or refused with a reason."""

from functools import cache
from typing import get_args

import pytest
from pydantic import TypeAdapter

from paidan_contracts.actions import (
    KNOWN_ACTION_KINDS,
    Accept,
    Action,
    Actor,
    Adjudicate,
    Amend,
    Appeal,
    AskExtension,
    AskSuspension,
    Assign,
    CallBack,
    CoHandle,
    Escalate,
    File,
    Finish,
    ForceClose,
    Inspect,
    Redispatch,
    Reply,
    Resume,
    Return,
    UnknownAction,
    Urge,
    Verify,
    Void,
)
from paidan_contracts.cases import CaseEvent
from paidan_contracts.state import CaseState, Status
from paidan_dispatch.cases.decide import Progressed, Refused
from tests.dispatch.builders import USUAL_ACTORS, ActionContext, build_report, case_after, decide_action, opened_case

ACTIONS_ADAPTER: TypeAdapter[Action] = TypeAdapter(Action)
STATES: tuple[Status, ...] = get_args(Status)
ACTIONS: dict[str, Action] = {
    "verify": Verify(verified=True),
    "verify_false": Verify(verified=False, reason="nothing there"),
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
}
NOT_YET_SUPPORTED: dict[str, Action] = {
    "extension": AskExtension(),
    "suspension": AskSuspension(),
    "resume": Resume(),
    "adjudicate": Adjudicate(),
    "co_handle": CoHandle(),
    "escalate": Escalate(),
    "appeal": Appeal(),
    "force_close": ForceClose(),
    "amend": Amend(reason="the later export"),
    "reply": Reply(text="thank you"),
}
# The status after each allowed action, and its events. Filing anew keeps the status of an assigned case.
ALLOWED: dict[tuple[str, str], tuple[Status, tuple[str, ...]]] = {
    ("received", "verify"): ("dispatched", ("filed", "dispatched")),
    ("received", "verify_false"): ("not_accepted", ("not_accepted",)),
    ("filed", "assign"): ("dispatched", ("dispatched",)),
    ("filed", "file"): ("dispatched", ("filed", "dispatched")),
    ("filed", "void"): ("voided", ("voided",)),
    ("dispatched", "accept"): ("handling", ("accepted",)),
    ("dispatched", "return"): ("dispatched", ("returned", "dispatched")),
    ("dispatched", "redispatch"): ("dispatched", ("dispatched",)),
    ("dispatched", "file"): ("dispatched", ("filed",)),
    ("dispatched", "void"): ("voided", ("voided",)),
    ("handling", "finish"): ("inspecting", ("finished",)),
    ("handling", "return"): ("dispatched", ("returned", "dispatched")),
    ("handling", "file"): ("handling", ("filed",)),
    ("handling", "urge"): ("handling", ("urged",)),
    ("inspecting", "inspect"): ("closed", ("closed",)),
    ("inspecting", "inspect_false"): ("handling", ("reworked",)),
    ("closed", "call_back"): ("closed", ("called_back",)),
    ("closed", "call_back_dissatisfied"): ("handling", ("called_back", "reopened")),
}
ROLES: dict[str, set[str]] = {
    "department": {"accept", "return", "finish"},
    "inspector": {"verify", "inspect"},
    "caller": {"call_back"},
    "operator": {"verify", "file", "assign", "redispatch", "void", "urge"},
    "importer": {action.kind for action in ACTIONS.values()},
    "source": set(),
}


@cache
def case_in_status(status: str) -> CaseState:
    """Return a case in a status, by the shortest way; nothing leads to ``suspended`` yet."""
    if status == "received":
        return opened_case(build_report(source="app"))
    if status == "filed":
        return opened_case(build_report(class_code=None))
    if status == "suspended":
        return case_in_status("handling").model_copy(update={"status": "suspended"})
    before = {"handling": "dispatched", "inspecting": "handling", "closed": "inspecting", "not_accepted": "received"}
    doing = {"handling": "accept", "inspecting": "finish", "closed": "inspect", "not_accepted": "verify_false"}
    if status == "voided":
        return case_after(case_in_status("filed"), ACTIONS["void"])
    if status == "dispatched":
        return opened_case()
    return case_after(case_in_status(before[status]), ACTIONS[doing[status]])


def _short(event: CaseEvent) -> str:
    return event.model_dump()["type"].removeprefix("case.").removesuffix(".v1")  # type: ignore[no-any-return]


@pytest.mark.parametrize("name", ACTIONS)
@pytest.mark.parametrize("status", STATES)
def test_allowed_actions_by_status(status: Status, name: str) -> None:
    state = case_in_status(status)
    untouched = state.model_dump_json()
    assert state.status == status

    result = decide_action(
        state, ACTIONS[name], ActionContext(minutes=5, actor=None if state.department else _other_department(name))
    )

    assert state.model_dump_json() == untouched
    expected = ALLOWED.get((status, name))
    if expected is None:
        assert isinstance(result, Refused)
        assert result.refusal.code in ("not_allowed_in_state", "not_your_order")
        _assert_explains(result, status)
        return
    assert isinstance(result, Progressed)
    assert (result.after.status, tuple(_short(event) for event in result.events)) == expected
    assert [event.version for event in result.events] == [state.version + 1 + n for n in range(len(result.events))]
    assert all(event.state.version == event.version for event in result.events)


def _other_department(name: str) -> str:
    kind = ACTIONS[name].kind
    return USUAL_ACTORS.get(kind, "importer:them")


def _assert_explains(refused: Refused, status: Status) -> None:
    """Without what is allowed instead, a client would repeat the refused action."""
    why = refused.refusal
    assert f"state {status}; allowed there: " in why.message
    for kind in {ACTIONS[name].kind for state, name in ALLOWED if state == status}:
        assert kind in why.message.rpartition(": ")[2]
    assert "案件状态为" in why.message_zh


@pytest.mark.parametrize("name", NOT_YET_SUPPORTED)
@pytest.mark.parametrize("status", STATES)
def test_unsupported_action_is_refused_in_every_status(status: Status, name: str) -> None:
    result = decide_action(case_in_status(status), NOT_YET_SUPPORTED[name], ActionContext(actor="operator:olga"))

    assert isinstance(result, Refused)
    assert result.refusal.code == "not_supported_yet"
    _assert_explains(result, status)


def _request_by(role: str, name: str) -> tuple[CaseState, str]:
    status = next(state for state, action in ALLOWED if action == name)
    state = case_in_status(status)
    return state, f"{role}:{state.department if role == 'department' and state.department else 'anne'}"


@pytest.mark.parametrize("name", ACTIONS)
@pytest.mark.parametrize("role", get_args(Actor.model_fields["kind"].annotation))
def test_actions_allowed_by_role(role: str, name: str) -> None:
    state, actor = _request_by(role, name)

    result = decide_action(state, ACTIONS[name], ActionContext(minutes=5, actor=actor))

    if ACTIONS[name].kind in ROLES[role]:
        assert isinstance(result, Progressed)
        return
    assert isinstance(result, Refused)
    department = role == "department" and ACTIONS[name].kind == "inspect"
    assert result.refusal.code == ("doer_may_not_inspect" if department else "not_your_role")
    _assert_explains(result, state.status)


@pytest.mark.parametrize("name", ["accept", "return", "finish"])
@pytest.mark.parametrize("status", STATES)
def test_a_department_may_not_touch_another_ones_order(status: Status, name: str) -> None:
    """In no state, so that it need not guess whether the case has moved on."""
    result = decide_action(case_in_status(status), ACTIONS[name], ActionContext(actor="department:south"))

    assert isinstance(result, Refused)
    assert result.refusal.code == "not_your_order"


def test_handling_department_may_not_inspect_its_own_work() -> None:
    result = decide_action(case_in_status("inspecting"), ACTIONS["inspect"], ActionContext(actor="inspector:north"))

    assert isinstance(result, Refused)
    assert result.refusal.code == "doer_may_not_inspect"


def test_allowed_table_is_complete() -> None:
    """Or a new one would go untested."""
    assert {status for status, _ in ALLOWED} | {"suspended", "not_accepted", "voided"} == set(STATES)
    assert {action.kind for action in (*ACTIONS.values(), *NOT_YET_SUPPORTED.values())} == KNOWN_ACTION_KINDS


def test_return_for_a_reason_of_no_list_is_refused_by_name() -> None:
    code = ACTIONS_ADAPTER.validate_python({"kind": "return", "code": "too_far", "reason": "it is far"})

    result = decide_action(case_in_status("handling"), code, ActionContext(actor="department:north"))

    assert isinstance(result, Refused)
    assert (result.refusal.code, result.refusal.field) == ("invalid_field", "action.code")
    assert "not_our_duty" in result.refusal.message
    assert "not_our_duty" in result.refusal.message_zh


def test_action_of_unknown_kind_is_refused_by_name() -> None:
    result = decide_action(
        case_in_status("handling"), UnknownAction(kind="whistle"), ActionContext(actor="department:north")
    )

    assert isinstance(result, Refused)
    assert (result.refusal.code, result.refusal.field) == ("unknown_action", "action.kind")
