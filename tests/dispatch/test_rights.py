"""Every action by every role: who may act, who sees why not, and whose order or report it must be."""

from typing import get_args

import pytest

from paidan_contracts.actions import Actor, Inspect, Urge
from paidan_contracts.department_actions import Accept, Finish
from paidan_contracts.state import CaseState, Status
from paidan_dispatch.cases.decide import Progressed, Refused
from paidan_dispatch.cases.guards import ROLE_ACTIONS, ActionEvidence
from paidan_dispatch.cases.names import STATUS_NAMES
from tests.dispatch.action_table import ACTIONS, ALLOWED, STATES, assert_explains, case_in_status
from tests.dispatch.builders import ActionContext, build_report, case_after, decide_action, opened_case
from tests.dispatch.limit_cases import HOUR, closed_late
from tests.dispatch.sample_pack import policy_with_helpers

ROLES: dict[str, set[str]] = {
    "department": {
        "accept", "return", "finish", "hand_on", "ask_extension", "ask_suspension", "appeal", "resume", "finish_step"
    },
    "inspector": {"verify", "cannot_verify", "settle", "inspect", "note"},
    "caller": {"call_back", "note"},
    "operator": {
        "verify", "assign_verification", "cannot_verify",
        "file", "assign", "redispatch", "void", "urge", "correct", "note",
        "review", "resume", "set_limit", "plan_step", "finish_step", "plan_construction", "strike_off",
    },
    "importer": set(),
    "source": {"urge"},
}  # fmt: skip


def _prepared(name: str) -> CaseState:
    """Return a case in which such an action has something to be about."""
    if name == "appeal":
        return closed_late()
    before = {"review": "ask_suspension", "finish_step": "plan_step"}.get(name)
    if before is not None:
        return case_after(case_in_status("handling"), ACTIONS[before])
    return case_in_status(next(state for state, action in ALLOWED if action == name))


def _request_by(role: str, name: str) -> tuple[CaseState, str]:
    state = _prepared(name)
    own = {"department": state.department, "source": state.source}.get(role)
    return state, f"{role}:{own or 'anne'}"


@pytest.mark.parametrize("name", ACTIONS)
@pytest.mark.parametrize("role", get_args(Actor.model_fields["kind"].annotation))
def test_actions_allowed_by_role(role: str, name: str) -> None:
    state, actor = _request_by(role, name)
    of_report = state.opened_by if role == "source" else None

    minutes = 9 * HOUR if name == "appeal" else 5
    result = decide_action(state, ACTIONS[name], ActionContext(minutes=minutes, actor=actor, of_report=of_report))

    if ACTIONS[name].kind in ROLES[role]:
        assert isinstance(result, Progressed)
        return
    assert isinstance(result, Refused)
    department = role == "department" and ACTIONS[name].kind == "inspect"
    is_imports = role == "importer" and ACTIONS[name].kind in ROLE_ACTIONS["importer"]
    usual = "not_an_import" if is_imports else "not_your_role"
    assert result.refusal.code == ("doer_may_not_inspect" if department else usual)
    assert_explains(result, state.status)


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
        (
            "handling",
            "department:north",
            "you may now finish, return, hand on, confirm, ask for an extension",
            "redispatch, file, void, urge, set the time limit",
        ),
        ("handling", "inspector:ivy", "you may now note; ", "finish, return"),
        (
            "closed",
            "department:north",
            "you may now appeal or decide on the request; ",
            "others may call back or note.",
        ),
    ],
)
def test_refusal_tells_what_the_asker_may_do_apart_from_others(
    status: Status, role: str, own: str, others: str
) -> None:
    result = decide_action(case_in_status(status), Accept(), ActionContext(actor=role))

    assert isinstance(result, Refused)
    allowed = result.refusal.message.partition(f"The case is {STATUS_NAMES[status].en}: ")[2]
    assert allowed.startswith(own)
    assert others in allowed
    assert "贵方现在可以" in result.refusal.message_zh
    assert "其他岗位可以" in result.refusal.message_zh


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
