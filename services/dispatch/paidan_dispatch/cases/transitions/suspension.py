"""挂账, 恢复: the clock of handling stands until a date, and goes on with what was left; limits that are set anew."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Final

from paidan_contracts.assignments import Assignment, Helper, Limit, LimitReceipt, open_unit_order
from paidan_contracts.case_event import CaseEvent
from paidan_contracts.city.calendar import CalendarExhausted
from paidan_contracts.state import CaseState
from paidan_contracts.time_limit_actions import Resume
from paidan_contracts.time_limit_events import CaseResumed, CaseSuspended
from paidan_contracts.time_limits import LimitRequest, PlannedStep, Suspension
from paidan_contracts.unvalidated import replace_unvalidated, unvalidated_constructor
from paidan_dispatch.cases.case_state import (
    Provenance,
    event_fields,
    is_active,
    next_limit,
    next_state,
    replace_assignment,
    replace_limit,
    replace_unit_order,
    stop_limit,
)
from paidan_dispatch.cases.emergencies import Subject, all_terms, shortened
from paidan_dispatch.cases.inner_limits import original_limit, unit_share
from paidan_dispatch.cases.limit_requests import is_set_by_hand, time_limits_of
from paidan_dispatch.cases.policy import CityPolicy
from paidan_dispatch.cases.working_time import is_working_time

_new_suspension: Final = unvalidated_constructor(Suspension)
_new_suspended: Final = unvalidated_constructor(CaseSuspended)
_new_resumed: Final = unvalidated_constructor(CaseResumed)


def with_limit(state: CaseState, due_at: datetime | None, at: datetime, policy: CityPolicy) -> Mapping[str, Any]:
    """Return the fields that change as the running limit is set anew; one that was over stays, and another begins.

    The orders of those that help end with it.
    """
    assignment = state.assignments[-1]
    running = stop_limit(assignment.limits[-1], at)
    limit = next_limit(state, running.began_at, due_at, policy)
    if running.shortened is not None and running.overdue_at is None:
        limit = replace_unvalidated(limit, shortened=running.shortened)
    if limit.warn_at is not None and limit.warn_at <= at:
        limit = replace_unvalidated(limit, warn_at=policy.warn_at(at, due_at))
    if running.overdue_at is not None:
        stopped = replace_limit(assignment, running)
        changed = replace_unvalidated(stopped, limits=(*stopped.limits, replace_unvalidated(limit, began_at=at)))
    else:
        changed = replace_limit(assignment, limit)
    limits = time_limits_of(state)
    return {
        "assignments": replace_assignment(state, changed),
        "helpers": tuple(_with_due(each, due_at, at, policy) for each in state.helpers),
        "time_limits": replace_unvalidated(limits, settings=limits.settings + 1, set_because=None),
    }


def suspend(state: CaseState, request: LimitRequest, provenance: Provenance, policy: CityPolicy) -> CaseSuspended:
    """Stop the clock of handling, its helpers' and its plan's; a limit that was over stays over."""
    at, resume_at = provenance.recorded_at, request.resume_at or provenance.recorded_at
    limit = stop_limit(state.assignments[-1].limits[-1], at)
    working = _is_working_time(state, limit, policy)
    runs = limit.due_at is not None and limit.overdue_at is None
    left = policy.working_time.left(at, limit.due_at, working=working) if runs and limit.due_at else None
    suspension = _new_suspension(
        request=request.number,
        began_at=at,
        resume_at=resume_at,
        left_s=left.total_seconds() if left is not None else None,
        working=working,
    )
    standing = replace_unvalidated(limit, due_at=None, warn_at=None) if runs else limit
    helpers = tuple(_with_due(each, None, at, policy) for each in state.helpers)
    limits = time_limits_of(state)
    plan = tuple(_standing_step(each, at, policy) for each in limits.plan)
    after = next_state(
        state,
        provenance,
        status="suspended",
        assignments=replace_assignment(state, _standing_unit(replace_limit(state.assignments[-1], standing), at)),
        helpers=helpers,
        time_limits=replace_unvalidated(limits, suspension=suspension, plan=plan),
    )
    return _new_suspended(
        **event_fields(after, provenance), department=state.assignments[-1].department, resume_at=resume_at
    )


def resume(state: CaseState, action: Resume, provenance: Provenance, policy: CityPolicy) -> list[CaseEvent]:
    """恢复: go on with the work; the limit ends when what was left of it is over."""
    return [resumed(state, provenance, policy, action.reason)]


def resumed(state: CaseState, provenance: Provenance, policy: CityPolicy, reason: str = "") -> CaseResumed:
    """Return the step by which a suspended case goes on, by hand or at its date."""
    at, limits = provenance.recorded_at, time_limits_of(state)
    suspension, assignment = limits.suspension, state.assignments[-1]
    left_s = suspension.left_s if suspension is not None else None
    changes: Mapping[str, Any] = {}
    due_at = assignment.limits[-1].due_at
    if suspension is not None and left_s is not None:
        due_at = _end_of(left_s, at, policy, working=suspension.working)
        limit = _resumed_limit(state, due_at, at, policy)
        due_at = limit.due_at
        changes = with_limit(state, due_at, at, policy)
        if limit.shortened is not None:
            changes = with_receipt(changes, limit.shortened)
        limits = replace_unvalidated(changes["time_limits"], set_because=limits.set_because)
        changes = {**changes, "assignments": _with_resumed_unit(state, changes["assignments"], at, policy)}
    plan = tuple(_resumed_step(each, at, policy) for each in limits.plan)
    changes = {**changes, "time_limits": replace_unvalidated(limits, suspension=None, plan=plan)}
    after = next_state(state, provenance, status="handling", **changes)
    return _new_resumed(
        **event_fields(after, provenance), department=assignment.department, due_at=due_at, reason=reason
    )


def with_receipt(changes: Mapping[str, Any], receipt: LimitReceipt | None) -> Mapping[str, Any]:
    """Return the fields that change as a limit is set anew, with the receipt of the emergency that shortens it."""
    assignment: Assignment = changes["assignments"][-1]
    changed = replace_limit(assignment, replace_unvalidated(assignment.limits[-1], shortened=receipt))
    return {**changes, "assignments": (*changes["assignments"][:-1], changed)}


def _resumed_limit(state: CaseState, due_at: datetime, at: datetime, policy: CityPolicy) -> Limit:
    """Return the limit that goes on until then, or until what a declaration in force leaves of it from now on."""
    limit = replace_unvalidated(state.assignments[-1].limits[-1], due_at=due_at)
    if not policy.emergencies or is_set_by_hand(state):
        return limit
    subject = Subject.of(state, policy)
    for terms in all_terms(subject, at, policy):
        is_done = limit.shortened is not None and limit.shortened.declaration_id == terms.declaration.declaration_id
        limit = limit if is_done else shortened(limit, terms, subject, at, policy, since=at)
    return limit


def due_resumption(state: CaseState, at: datetime) -> datetime | None:
    """Return since when a suspended case should be worked on again by now; None where it stays suspended."""
    suspension = state.time_limits.suspension if state.time_limits is not None else None
    return suspension.resume_at if suspension is not None and suspension.resume_at <= at else None


def _is_working_time(state: CaseState, limit: Limit, policy: CityPolicy) -> bool:
    """Return whether a limit counts working time, as the row's or the city's unit says."""
    terms = original_limit(state, limit, policy)
    return terms is None or is_working_time(terms)


def _end_of(left_s: float, at: datetime, policy: CityPolicy, *, working: bool) -> datetime:
    left = timedelta(seconds=left_s)
    try:
        return policy.working_time.after(at, left, working=working)
    except CalendarExhausted:
        # Where next year's calendar is missing the work goes on all the same, and all hours count.
        return at + left


def _with_due(helper: Helper, due_at: datetime | None, at: datetime, policy: CityPolicy) -> Helper:
    if not is_active(helper) or helper.finished_at is not None or helper.overdue_at is not None:
        return helper
    if helper.due_at is not None and at > helper.due_at:
        return replace_unvalidated(helper, overdue_at=helper.due_at)
    return replace_unvalidated(helper, due_at=due_at, warn_at=policy.warn_at(at, due_at), warned_at=None)


def _standing_unit(assignment: Assignment, at: datetime) -> Assignment:
    """Return an assignment whose unit's limit stands, too; one that was over stays over."""
    order = open_unit_order((assignment,))
    is_over = order is not None and order.due_at is not None and at > order.due_at
    return replace_unit_order(assignment, at, **({} if is_over else {"due_at": None, "warn_at": None}))


def _with_resumed_unit(
    state: CaseState, assignments: tuple[Assignment, ...], at: datetime, policy: CityPolicy
) -> tuple[Assignment, ...]:
    """Return the assignments as the work goes on: the unit that has the order gets its share of what is left anew."""
    assignment, order = assignments[-1], open_unit_order(assignments)
    limit = assignment.limits[-1]
    if order is None or order.finished_at is not None or order.overdue_at is not None or limit.due_at is None:
        return assignments
    due_at = unit_share(state, at, limit.due_at, policy)
    warn_at = policy.warn_at(at, due_at)
    changed = replace_unit_order(assignment, at, due_at=due_at, warn_at=warn_at, settings=order.settings + 1)
    return (*assignments[:-1], changed)


def _standing_step(step: PlannedStep, at: datetime, policy: CityPolicy) -> PlannedStep:
    if step.done_at is not None or step.overdue_at is not None:
        return step
    if at > step.due_at:
        return replace_unvalidated(step, overdue_at=step.due_at)
    left = policy.working_time.left(at, step.due_at, working=True)
    return replace_unvalidated(step, warn_at=None, left_s=left.total_seconds())


def _resumed_step(step: PlannedStep, at: datetime, policy: CityPolicy) -> PlannedStep:
    if step.left_s is None:
        return step
    due_at = _end_of(step.left_s, at, policy, working=True)
    warn_at = policy.warn_at(at, due_at)
    return replace_unvalidated(step, due_at=due_at, warn_at=warn_at, setting=step.setting + 1, left_s=None)
