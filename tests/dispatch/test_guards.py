"""Every action in every state, by every role: allowed or refused with a reason."""

from functools import cache
from pathlib import Path
from typing import get_args

import pytest
from pydantic import TypeAdapter

from paidan_contracts.actions import (
    KNOWN_ACTION_KINDS,
    Accept,
    Action,
    Actor,
    Amend,
    Assign,
    CallBack,
    File,
    Finish,
    Inspect,
    Redispatch,
    Reply,
    Return,
    UnknownAction,
    Urge,
    Verify,
    Void,
)
from paidan_contracts.cases import CaseEvent
from paidan_contracts.state import CaseState, Status
from paidan_contracts.unsupported_actions import (
    Adjudicate,
    Appeal,
    AskExtension,
    AskSuspension,
    CoHandle,
    Escalate,
    ForceClose,
    Resume,
)
from paidan_dispatch.cases.decide import Progressed, Refused
from paidan_dispatch.cases.guards import ALLOWED_ACTIONS, ActionEvidence
from tests.dispatch.builders import USUAL_ACTORS, ActionContext, build_report, case_after, decide_action, opened_case
from tests.dispatch.sample_pack import policy_with_helpers

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
}
ELSEWHERE: tuple[Action, ...] = (Amend(reason="the later export"), Reply(text="thank you"))
"""Actions on imported pasts and on noted reports alone, tested beside them."""
# The status after each allowed action, and its events. Filing anew keeps the status of an assigned case.
ALLOWED: dict[tuple[str, str], tuple[Status, tuple[str, ...]]] = {
    ("received", "verify"): ("dispatched", ("filed", "dispatched")),
    ("received", "verify_false"): ("not_accepted", ("not_accepted",)),
    ("filed", "assign"): ("dispatched", ("dispatched",)),
    ("filed", "file"): ("dispatched", ("filed", "dispatched")),
    ("filed", "void"): ("voided", ("voided",)),
    ("dispatched", "accept"): ("handling", ("accepted",)),
    ("dispatched", "finish"): ("inspecting", ("accepted", "finished")),
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
    ("inspecting", "redispatch"): ("dispatched", ("dispatched",)),
    ("inspecting", "void"): ("voided", ("voided",)),
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
    "importer": set(),
    "source": {"urge"},
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
        if result.refusal.code != "not_your_order":
            assert result.refusal.code == "not_allowed_in_state"
            _assert_explains(result, status)
        return
    assert isinstance(result, Progressed)
    assert (result.after.status, tuple(_short(event) for event in result.events)) == expected
    assert [event.version for event in result.events] == [state.version + 1 + n for n in range(len(result.events))]
    assert all(event.state.version == event.version for event in result.events)


def _other_department(name: str) -> str:
    kind = ACTIONS[name].kind
    return USUAL_ACTORS.get(kind, "department:them")


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
    own = {"department": state.department, "source": state.source}.get(role)
    return state, f"{role}:{own or 'anne'}"


@pytest.mark.parametrize("name", ACTIONS)
@pytest.mark.parametrize("role", get_args(Actor.model_fields["kind"].annotation))
def test_actions_allowed_by_role(role: str, name: str) -> None:
    state, actor = _request_by(role, name)
    of_report = state.opened_by if role == "source" else None

    result = decide_action(state, ACTIONS[name], ActionContext(minutes=5, actor=actor, of_report=of_report))

    if ACTIONS[name].kind in ROLES[role]:
        assert isinstance(result, Progressed)
        return
    assert isinstance(result, Refused)
    department = role == "department" and ACTIONS[name].kind == "inspect"
    usual = "not_an_import" if role == "importer" else "not_your_role"
    assert result.refusal.code == ("doer_may_not_inspect" if department else usual)
    _assert_explains(result, state.status)


@pytest.mark.parametrize("name", ["accept", "return", "finish"])
@pytest.mark.parametrize("status", STATES)
def test_a_department_may_not_touch_another_ones_order(status: Status, name: str) -> None:
    """In no state, so that it need not guess whether the case has moved on."""
    result = decide_action(case_in_status(status), ACTIONS[name], ActionContext(actor="department:south"))

    assert isinstance(result, Refused)
    assert result.refusal.code == "not_your_order"
    assert status not in result.refusal.message, "another department need not know how the case stands"


@pytest.mark.parametrize(
    ("actor", "member", "code"),
    [
        ("department:north", None, "doer_may_not_inspect"),
        # Over HTTP the actor is the key's id: its department is what the key says that its holder belongs to.
        ("inspector:0f3c9a", "north", "doer_may_not_inspect"),
        ("inspector:0f3c9a", "water", "doer_may_not_inspect"),
        ("inspector:0f3c9a", "south", None),
        ("inspector:0f3c9a", None, None),
        ("inspector:north", None, "doer_may_not_inspect"),
        ("importer:0f3c9a", "north", "not_an_import"),
    ],
)
def test_who_did_the_work_may_not_inspect_it(actor: str, member: str | None, code: str | None) -> None:
    state = opened_case(build_report(class_code="C0101"), policy=policy_with_helpers("C*", "north", ["water", "roads"]))
    state = case_after(state, Accept(), actor="department:water")
    state = case_after(state, Finish(), minutes=5)

    result = decide_action(state, Inspect(passed=True), ActionContext(minutes=9, actor=actor, member=member))

    assert (result.refusal.code if isinstance(result, Refused) else None) == code


@pytest.mark.parametrize(
    ("status", "role", "own", "others"),
    [
        ("handling", "department:north", "finish, return to you", "redispatch, file, void, urge to others."),
        ("handling", "inspector:ivy", "nothing to you", "finish, return"),
        ("closed", "department:north", "nothing to you", "call_back to others"),
    ],
)
def test_refusal_tells_what_the_asker_may_do_apart_from_others(
    status: Status, role: str, own: str, others: str
) -> None:
    result = decide_action(case_in_status(status), Accept(), ActionContext(actor=role))

    assert isinstance(result, Refused)
    allowed = result.refusal.message.partition("allowed there: ")[2]
    assert allowed.startswith(own)
    assert others in allowed
    assert "贵方可做" in result.refusal.message_zh
    assert "他人可做" in result.refusal.message_zh


def test_source_may_urge_about_its_own_reports_alone() -> None:
    state = case_in_status("dispatched")
    twin = build_report("2").report_id

    def urge(of_report: str | None, **known: str) -> str | None:
        context = ActionContext(
            actor="source:hotline", of_report=of_report, evidence=ActionEvidence(report_source=known.get("source"))
        )
        result = decide_action(state, Urge(reason="it smells"), context)
        return result.refusal.code if isinstance(result, Refused) else None

    assert urge(state.opened_by) is None
    assert urge(twin, source="hotline") is None
    assert urge(None) == "unknown_report"
    assert urge(twin) == "unknown_report"
    assert urge(twin, source="app") == "unknown_report"
    assert urge(state.opened_by, source="app") == "unknown_report"


def test_allowed_table_is_complete() -> None:
    """Or a new one would go untested."""
    assert {status for status, _ in ALLOWED} | {"suspended", "not_accepted", "voided"} == set(STATES)
    assert {
        action.kind for action in (*ACTIONS.values(), *NOT_YET_SUPPORTED.values(), *ELSEWHERE)
    } == KNOWN_ACTION_KINDS


def test_readme_has_the_same_table() -> None:
    readme = Path(__file__).parents[2] / "services" / "dispatch" / "README.md"
    rows = [line.strip("| ").split(" | ") for line in readme.read_text("utf-8").splitlines() if line.startswith("| `")]
    documented = {row[0].strip("`"): row[3].split(", ") for row in rows if row[0].strip("`") in STATES}

    assert documented == {
        status: [each for each in allowed if each != "amend"]
        for status, allowed in ALLOWED_ACTIONS.items()
        if set(allowed) - {"amend"}
    }


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
