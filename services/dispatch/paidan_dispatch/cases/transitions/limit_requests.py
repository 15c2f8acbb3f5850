"""延期, 挂账, 申诉: a department asks, and those whom the city's pack names decide in order; the last one grants it."""

from datetime import datetime, timedelta
from typing import Final

from paidan_contracts.actions import Actor
from paidan_contracts.case_event import CaseEvent
from paidan_contracts.city.time_limits import AppealPolicy, ExtensionPolicy, SuspensionPolicy
from paidan_contracts.outcomes import Refusal
from paidan_contracts.state import CaseState
from paidan_contracts.time_limit_actions import Appeal, AskExtension, AskSuspension, Review
from paidan_contracts.time_limit_events import CaseExempted, CaseExtended, CaseRequestMade, CaseRequestReviewed
from paidan_contracts.time_limits import LimitRequest, RequestKind, ReviewStep
from paidan_contracts.unvalidated import replace_unvalidated, unvalidated_constructor
from paidan_dispatch.cases import limit_refusals as refusals
from paidan_dispatch.cases.case_state import ActResult, Provenance, event_fields, next_state
from paidan_dispatch.cases.inner_limits import original_limit
from paidan_dispatch.cases.limit_requests import has_decided, has_duty, next_duty, replace_last_request, time_limits_of
from paidan_dispatch.cases.policy import CityPolicy
from paidan_dispatch.cases.transitions.suspension import suspend, with_limit

_new_request: Final = unvalidated_constructor(LimitRequest)
_new_step: Final = unvalidated_constructor(ReviewStep)
_new_made: Final = unvalidated_constructor(CaseRequestMade)
_new_reviewed: Final = unvalidated_constructor(CaseRequestReviewed)
_new_extended: Final = unvalidated_constructor(CaseExtended)
_new_exempted: Final = unvalidated_constructor(CaseExempted)


def ask_extension(state: CaseState, action: AskExtension, provenance: Provenance, policy: CityPolicy) -> ActResult:
    """延期: ask for one original limit more. Raises ``CalendarExhausted``."""
    terms = policy.city.clocks.extension
    if terms is None:
        return refusals.not_in_this_city(state, action.kind)
    refusal = (
        _common_refusal(state, action)
        or _no_limit_to_extend(state, provenance.recorded_at, policy)
        or _extended_too_often(state, terms)
    )
    if refusal is not None:
        return refusal
    _extended_deadline(state, policy)  # raises where the calendar ends before it
    return [_made(state, "extension", action.reason, terms, provenance)]


def ask_suspension(state: CaseState, action: AskSuspension, provenance: Provenance, policy: CityPolicy) -> ActResult:
    """挂账: ask that the clock stands until a date."""
    terms, at = policy.city.clocks.suspension, provenance.recorded_at
    if terms is None:
        return refusals.not_in_this_city(state, action.kind)
    refusal = _common_refusal(state, action)
    if refusal is not None:
        return refusal
    resume_at = policy.in_city_time(action.resume_at) if action.resume_at is not None else None
    if resume_at is None or not at < resume_at <= at + timedelta(days=terms.days):
        return refusals.resume_date(state, terms.days)
    return [_made(state, "suspension", action.reason, terms, provenance, resume_at)]


def appeal(state: CaseState, action: Appeal, provenance: Provenance, policy: CityPolicy) -> ActResult:
    """申诉: ask, once for each case, that its being overdue is not counted."""
    terms = policy.city.clocks.appeal
    if terms is None:
        return refusals.not_in_this_city(state, action.kind)
    refusal = _common_refusal(state, action) or _nothing_to_appeal(state) or _appealed_before(state)
    if refusal is not None:
        return refusal
    if terms.within is not None and state.closed_at is not None:
        end = policy.deadline(state.closed_at, terms.within)
        if provenance.recorded_at > end:
            return refusals.appeal_too_late(state, end)
    return [_made(state, "appeal", action.reason, terms, provenance)]


def review(state: CaseState, action: Review, provenance: Provenance, policy: CityPolicy) -> ActResult:
    """审批: take the next step of the decision on the pending request. Raises ``CalendarExhausted``."""
    request, actor, at = time_limits_of(state).pending, provenance.actor, provenance.recorded_at
    if request is None or actor is None:
        return refusals.nothing_pending(state)
    duty = next_duty(request)
    refusal = _review_refusal(state, request, action, actor, policy) or (
        _not_grantable(state, request, at, policy) if action.approved else None
    )
    if refusal is not None:
        return refusal
    step = _new_step(duty=str(duty), approved=action.approved, by=actor, at=at, reason=action.reason)
    decided = replace_unvalidated(request, steps=(*request.steps, step))
    is_last = len(decided.steps) == len(decided.chain)
    if not action.approved:
        return [_reviewed(state, replace_unvalidated(decided, outcome="rejected"), "rejected", provenance)]
    if not is_last:
        return [_reviewed(state, decided, "passed_on", provenance)]
    approved = replace_unvalidated(decided, outcome="approved")
    reviewed = _reviewed(state, approved, "approved", provenance)
    return [reviewed, _granted(reviewed.state, approved, provenance.without_actor(), policy)]


def _review_refusal(
    state: CaseState, request: LimitRequest, action: Review, actor: Actor, policy: CityPolicy
) -> Refusal | None:
    if not has_duty(actor, next_duty(request), state, policy):
        return refusals.not_your_step(state, request.chain[len(request.steps)])
    if has_decided(actor, request):
        return refusals.decided_before(state)
    return None if action.approved or action.reason else refusals.reason_missing(state, action.kind)


def _common_refusal(state: CaseState, action: AskExtension | AskSuspension | Appeal) -> Refusal | None:
    if not action.reason:
        return refusals.reason_missing(state, action.kind)
    pending = time_limits_of(state).pending
    return refusals.already_pending(state, pending.kind) if pending is not None else None


def _no_limit_to_extend(state: CaseState, at: datetime, policy: CityPolicy) -> Refusal | None:
    limit = state.assignments[-1].limits[-1]
    if limit.due_at is None or original_limit(state, limit, policy) is None:
        return refusals.no_limit(state)
    return refusals.overdue_already(state, limit.due_at) if at > limit.due_at else None


def _extended_too_often(state: CaseState, terms: ExtensionPolicy) -> Refusal | None:
    granted = sum(
        each.kind == "extension" and each.outcome == "approved" and each.assignment == len(state.assignments)
        for each in time_limits_of(state).requests
    )
    return refusals.extended_too_often(state, terms.times) if granted >= terms.times else None


def _not_grantable(state: CaseState, request: LimitRequest, at: datetime, policy: CityPolicy) -> Refusal | None:
    """Return why a request cannot be granted any more, though it may be rejected."""
    if request.kind == "extension" and (refusal := _no_limit_to_extend(state, at, policy)):
        return refusal
    if request.resume_at is not None and request.resume_at <= at:
        return refusals.resume_date_passed(state)
    return None


def _nothing_to_appeal(state: CaseState) -> Refusal | None:
    assignment = state.assignments[-1]
    was_late = assignment.overdue_at is not None or any(each.late for each in assignment.limits)
    return None if was_late else refusals.not_overdue(state)


def _appealed_before(state: CaseState) -> Refusal | None:
    is_decided = any(each.kind == "appeal" and each.outcome != "lapsed" for each in time_limits_of(state).requests)
    return refusals.appealed_before(state) if is_decided else None


def _extended_deadline(state: CaseState, policy: CityPolicy) -> tuple[datetime, datetime]:
    """Return the current deadline, and that of an extension. Raises ``CalendarExhausted``."""
    limit = state.assignments[-1].limits[-1]
    terms = original_limit(state, limit, policy)
    if limit.due_at is None or terms is None:
        raise LookupError("there is no limit to extend")
    return limit.due_at, policy.deadline(limit.due_at, terms)


def _made(
    state: CaseState,
    kind: RequestKind,
    reason: str,
    terms: ExtensionPolicy | SuspensionPolicy | AppealPolicy,
    provenance: Provenance,
    resume_at: datetime | None = None,
) -> CaseRequestMade:
    limits = time_limits_of(state)
    request = _new_request(
        number=len(limits.requests) + 1,
        kind=kind,
        assignment=len(state.assignments),
        asked_by=provenance.actor,
        asked_at=provenance.recorded_at,
        reason=reason,
        resume_at=resume_at,
        chain=terms.chain,
    )
    after = next_state(state, provenance, time_limits=replace_unvalidated(limits, requests=(*limits.requests, request)))
    return _new_made(
        **event_fields(after, provenance),
        department=state.assignments[-1].department,
        request=kind,
        duty=terms.chain[0],
        resume_at=resume_at,
        reason=reason,
    )


def _reviewed(state: CaseState, request: LimitRequest, outcome: str, provenance: Provenance) -> CaseRequestReviewed:
    limits = replace_last_request(time_limits_of(state), request)
    after = next_state(state, provenance, time_limits=limits)
    step = request.steps[-1]
    return _new_reviewed(
        **event_fields(after, provenance),
        department=state.assignments[-1].department,
        request=request.kind,
        duty=step.duty,
        outcome=outcome,
        reason=step.reason,
    )


def _granted(state: CaseState, request: LimitRequest, provenance: Provenance, policy: CityPolicy) -> CaseEvent:
    """Return the step by which an approved request takes effect."""
    department = state.assignments[-1].department
    match request.kind:
        case "extension":
            due_before, due_at = _extended_deadline(state, policy)
            after = next_state(state, provenance, **with_limit(state, due_at, provenance.recorded_at, policy))
            fields = event_fields(after, provenance)
            return _new_extended(**fields, department=department, due_before=due_before, due_at=due_at)
        case "suspension":
            return suspend(state, request, provenance, policy)
        case _:
            limits = replace_unvalidated(time_limits_of(state), exempt=True)
            after = next_state(state, provenance, time_limits=limits)
            return _new_exempted(**event_fields(after, provenance), department=department)
