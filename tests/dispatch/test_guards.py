"""Every action in every state: allowed or refused with a reason."""

from pathlib import Path

import pytest
from pydantic import TypeAdapter

from paidan_contracts.actions import KNOWN_ACTION_KINDS, Action, Amend, Reply, UnknownAction
from paidan_contracts.case_event import CaseEvent
from paidan_contracts.construction_actions import StrikeOff
from paidan_contracts.emergency_actions import CITY_ACTION_KINDS
from paidan_contracts.escalation_actions import EndEscalation, Escalate
from paidan_contracts.state import Status
from paidan_contracts.unit_actions import Confirm
from paidan_contracts.unsupported_actions import (
    Adjudicate,
    CoHandle,
    ForceClose,
)
from paidan_contracts.verification_actions import AssignVerification
from paidan_dispatch.cases.decide import Progressed, Refused
from paidan_dispatch.cases.guards import ALLOWED_ACTIONS
from tests.dispatch.action_table import ACTIONS, ALLOWED, STATES, assert_explains, case_in_status
from tests.dispatch.builders import USUAL_ACTORS, ActionContext, decide_action

ACTIONS_ADAPTER: TypeAdapter[Action] = TypeAdapter(Action)
NOT_YET_SUPPORTED: dict[str, Action] = {
    "adjudicate": Adjudicate(),
    "co_handle": CoHandle(),
    "force_close": ForceClose(),
}
ELSEWHERE: tuple[Action, ...] = (
    Amend(reason="the later export"),
    Reply(text="thank you"),
    Confirm(confirmed=True),
    Escalate(reason="the mayor asks"),
    EndEscalation(reason="seen"),
    AssignVerification(post="ivy"),
    StrikeOff(text="built"),
)
"""On imported pasts, noted reports, units, ladders, patrols and plans alone: tested beside them."""


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
            assert_explains(result, status)
        return
    assert isinstance(result, Progressed)
    assert (result.after.status, tuple(_short(event) for event in result.events)) == expected
    assert [event.version for event in result.events] == [state.version + 1 + n for n in range(len(result.events))]
    assert all(event.state.version == event.version for event in result.events)


def _other_department(name: str) -> str:
    kind = ACTIONS[name].kind
    return USUAL_ACTORS.get(kind, "department:them")


@pytest.mark.parametrize("name", NOT_YET_SUPPORTED)
@pytest.mark.parametrize("status", STATES)
def test_unsupported_action_is_refused_in_every_status(status: Status, name: str) -> None:
    result = decide_action(case_in_status(status), NOT_YET_SUPPORTED[name], ActionContext(actor="operator:olga"))

    assert isinstance(result, Refused)
    assert result.refusal.code == "not_supported_yet"
    assert_explains(result, status)


def test_allowed_table_is_complete() -> None:
    """Or a new one would go untested."""
    assert {status for status, _ in ALLOWED} | {"not_accepted", "voided"} == set(STATES)
    assert {
        action.kind for action in (*ACTIONS.values(), *NOT_YET_SUPPORTED.values(), *ELSEWHERE)
    } == KNOWN_ACTION_KINDS - CITY_ACTION_KINDS


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
