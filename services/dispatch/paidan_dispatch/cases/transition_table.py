"""Which transition applies each kind of action, once role, state, content and proofs allow it."""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, Final, TypeAlias

from paidan_contracts.actions import (
    Amend,
    Assign,
    CallBack,
    File,
    Inspect,
    Redispatch,
    Reply,
    SupportedAction,
    Urge,
    Verify,
    Void,
)
from paidan_contracts.construction_actions import PlanConstruction, StrikeOff
from paidan_contracts.department_actions import Accept, Finish, Return
from paidan_contracts.escalation_actions import EndEscalation, Escalate
from paidan_contracts.record_actions import AddNote, Correct
from paidan_contracts.settlement_actions import Settle
from paidan_contracts.state import CaseState
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
from paidan_contracts.unit_actions import Confirm, HandOn
from paidan_contracts.verification_actions import AssignVerification, CannotVerify
from paidan_dispatch.cases import refusals
from paidan_dispatch.cases.case_state import ActResult, Provenance
from paidan_dispatch.cases.policy import CityPolicy
from paidan_dispatch.cases.transitions import (
    amendment,
    callback,
    construction,
    correction,
    escalation,
    filing,
    fulfilment,
    hand_set_limits,
    limit_requests,
    notes,
    routing,
    settlement,
    suspension,
    unit_orders,
    verification,
)

Transition: TypeAlias = Callable[[CaseState, Any, Provenance, CityPolicy], ActResult]
"""Takes an action of its own kind."""

TRANSITIONS: Final[Mapping[type[SupportedAction], Transition]] = MappingProxyType(
    {
        Verify: verification.verify,
        AssignVerification: verification.assign_verification,
        CannotVerify: verification.cannot_verify,
        PlanConstruction: construction.plan_construction,
        StrikeOff: construction.strike_off,
        Settle: settlement.settle,
        File: filing.file,
        Void: lambda state, action, provenance, _policy: filing.void(state, action, provenance),
        Assign: routing.assign,
        Redispatch: routing.assign,
        Accept: lambda state, _action, provenance, _policy: fulfilment.accept(state, provenance),
        Return: fulfilment.return_order,
        Finish: fulfilment.finish,
        Inspect: fulfilment.inspect,
        Urge: lambda state, action, provenance, _policy: fulfilment.urge(state, action, provenance),
        CallBack: callback.call_back,
        Amend: amendment.amend,
        Correct: correction.correct,
        AddNote: lambda state, action, provenance, _policy: notes.add_note(state, action, provenance),
        AskExtension: limit_requests.ask_extension,
        AskSuspension: limit_requests.ask_suspension,
        Appeal: limit_requests.appeal,
        Review: limit_requests.review,
        Resume: suspension.resume,
        SetLimit: hand_set_limits.set_limit,
        PlanStep: hand_set_limits.plan_step,
        FinishStep: lambda state, action, provenance, _policy: hand_set_limits.finish_step(state, action, provenance),
        HandOn: unit_orders.hand_on,
        Confirm: unit_orders.confirm,
        Escalate: escalation.escalate,
        EndEscalation: lambda state, action, provenance, _policy: escalation.end_escalation(state, action, provenance),
        Reply: lambda state, _action, _provenance, _policy: refusals.reply_to_case(state),
    }
)
