"""What the state machine of a case lets people do: whose turn it is, and what may come at any time."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from hypothesis import strategies as st

from paidan_contracts.actions import Action, Assign, CallBack, File, Inspect, Verify
from paidan_contracts.department_actions import Accept, Finish, Return
from paidan_contracts.escalation_actions import EndEscalation, Escalate
from paidan_contracts.record_actions import AddNote, Correct
from paidan_contracts.settlement_actions import Settle
from paidan_contracts.state import Status
from paidan_contracts.time_limit_actions import (
    Appeal,
    AskExtension,
    AskSuspension,
    FinishStep,
    PlanStep,
    Resume,
    SetLimit,
)
from paidan_contracts.unit_actions import Confirm, HandOn
from paidan_contracts.verification_actions import AssignVerification, CannotVerify
from tests.dispatch.builders import at_minute
from tests.dispatch.random_histories import PHOTO

NEXT_ACTIONS: Final[Mapping[Status, Action]] = MappingProxyType(
    {
        "received": Verify(verified=True),
        "filed": Assign(department="south", reason="x"),
        "dispatched": Accept(),
        "handling": Finish(proof=(PHOTO,)),
        "inspecting": Inspect(passed=True),
        "suspended": Resume(),
        "closed": CallBack(rating="dissatisfied"),
        "voided": Assign(department="south", reason="x"),
        "not_accepted": Assign(department="south", reason="x"),
    }
)
"""What brings a case from each status to the next, and what nobody may do with a case that has ended."""


help_actions: st.SearchStrategy[Action] = st.sampled_from([Accept(), Finish(proof=(PHOTO,))])
unit_actions: st.SearchStrategy[Action] = st.sampled_from(
    [
        HandOn(unit="north-squad"),
        HandOn(unit="north-squad"),
        Return(code="other", reason="x"),
        Finish(unit="north-squad", proof=(PHOTO,)),
        Confirm(confirmed=True),
        Confirm(confirmed=False, reason="x"),
    ]
)
verifying_actions: st.SearchStrategy[Action] = st.sampled_from(
    [
        AssignVerification(),
        AssignVerification(post="volunteer"),
        CannotVerify(reason="x", proof=(PHOTO,)),
        Verify(verified=True, proof=(PHOTO,)),
        Settle(proof=(PHOTO,)),
    ]
)
supervisory_actions: st.SearchStrategy[Action] = st.sampled_from(
    [
        Escalate(reason="x"),
        EndEscalation(reason="x"),
        Correct(reason="x", row_id="E0111-1"),
        File(row_id="E0111-1"),
        AddNote(text="x", visible_to="department"),
        Correct(reason="x", row_id="E0110-1"),
    ]
)


limit_requests: st.SearchStrategy[Action] = st.sampled_from(
    [
        AskExtension(reason="x"),
        AskExtension(reason="x"),
        AskSuspension(reason="x", resume_at=at_minute(3 * 1440)),
        AskSuspension(reason="x", resume_at=at_minute(30 * 1440)),
        Appeal(reason="x"),
    ]
)
limit_actions: st.SearchStrategy[Action] = st.sampled_from(
    [
        SetLimit(due_at=at_minute(90), reason="x"),
        SetLimit(due_at=at_minute(1440), reason="x"),
        SetLimit(due_at=at_minute(20 * 1440), reason="y"),
        PlanStep(due_at=at_minute(300), text="x"),
        PlanStep(due_at=at_minute(10 * 1440), text="x"),
        FinishStep(step=1),
        FinishStep(step=2),
        Resume(),
    ]
)
pauses = st.sampled_from([0, 0, 1, 1, 5, 60, 240, 1440])
operators = st.sampled_from(["operator:olga", "operator:oscar"])
decisions = st.sampled_from(
    [
        ((True, "operator:olga"), (True, "operator:oscar")),
        ((True, "operator:olga"), (True, "operator:olga")),
        ((True, "operator:olga"), (False, "operator:oscar")),
        ((False, "operator:olga"),),
        (),
    ]
)
