"""Builds the state after a step: provenance, version, assignments with their limits, clocks, timers that then run."""

from datetime import datetime
from typing import Final, NamedTuple, TypeAlias, TypedDict

from paidan_contracts.actions import ActionRequested, Actor
from paidan_contracts.assignments import Assignment, Helper, Limit, open_unit_order
from paidan_contracts.case_event import CaseEvent, Cause
from paidan_contracts.inbox import TimerDue
from paidan_contracts.outcomes import Refusal
from paidan_contracts.state import CaseState, StageClock, Status
from paidan_contracts.unvalidated import replace_unvalidated, unvalidated_constructor
from paidan_contracts.wire import AnyTimerKind
from paidan_dispatch.cases.inner_limits import fit_inner_limits
from paidan_dispatch.cases.ladder import follow_status
from paidan_dispatch.cases.limit_requests import CONSTRUCTION, is_planned, settled
from paidan_dispatch.cases.policy import CityPolicy

ActResult: TypeAlias = list[CaseEvent] | Refusal
"""The result of an action: events in order, or a refusal."""

ASSIGNED_STATUSES: Final[frozenset[Status]] = frozenset({"dispatched", "handling", "suspended", "inspecting"})
"""A department has a valid order."""
_WORKING_STATUSES: Final[frozenset[Status]] = frozenset({"dispatched", "handling"})
OPEN_STATUSES: Final[frozenset[Status]] = ASSIGNED_STATUSES | {"filed"}
"""A helper's order is open: it stays while the case looks for another lead."""

_new_cause: Final = unvalidated_constructor(Cause)
_new_limit: Final = unvalidated_constructor(Limit)
_new_clock: Final = unvalidated_constructor(StageClock)


class Provenance(NamedTuple):
    """What causes a step: the inbox entry, the actor if any, both times, and the policy decided by."""

    cause: Cause
    occurred_at: datetime
    recorded_at: datetime
    """Paidan's own time, by which deadlines are judged."""
    policy: CityPolicy
    actor: Actor | None = None

    def without_actor(self) -> "Provenance":
        """Return the provenance of a step that follows automatically."""
        return Provenance(self.cause, self.occurred_at, self.recorded_at, self.policy) if self.actor else self


class EventFields(TypedDict):
    """Fields that every event has."""

    case_id: str
    version: int
    cause: Cause
    actor: Actor | None
    occurred_at: datetime
    recorded_at: datetime
    state: CaseState


def action_provenance(request: ActionRequested, policy: CityPolicy) -> Provenance:
    """Return the provenance of the steps that an action causes."""
    cause = _new_cause(kind="action", id=request.action_id)
    return Provenance(cause, request.occurred_at, request.recorded_at, policy, request.actor)


def timer_provenance(timer: TimerDue, policy: CityPolicy) -> Provenance:
    """Return the provenance of an overdue step: it happened when the timer was due, not when it was consumed."""
    cause = _new_cause(kind="timer", id=timer.timer_id)
    return Provenance(cause, timer.due_at, timer.due_at, policy)


def event_fields(state: CaseState, provenance: Provenance) -> EventFields:
    """Return the fields that every event has."""
    return {
        "case_id": state.case_id,
        "version": state.version,
        "cause": provenance.cause,
        "actor": provenance.actor,
        "occurred_at": provenance.occurred_at,
        "recorded_at": provenance.recorded_at,
        "state": state,
    }


def next_state(state: CaseState, provenance: Provenance, **changes: object) -> CaseState:
    """Return the state under the next version, with these fields changed and the clock of its stage running.

    A ladder of escalation is halted or ended as the new status wants.
    """
    version, city_version = state.version + 1, provenance.policy.version
    actor = provenance.actor
    if actor is not None and actor.person is not None and actor.kind == "department":
        changes["workers"] = tuple(dict.fromkeys((*state.workers, actor.person)))
    changed = replace_unvalidated(state, version=version, city_version=city_version, **changes)
    after = with_clock(changed, provenance)
    if after.time_limits is not None:
        after = settled(state, after, provenance.recorded_at)
    if after.status in _WORKING_STATUSES and (after.time_limits is not None or has_handed_on(after)):
        after = fit_inner_limits(after, provenance.recorded_at, provenance.policy)
    return after if after.escalation is None else follow_status(state, after, provenance.recorded_at)


def with_clock(state: CaseState, provenance: Provenance) -> CaseState:
    """Return the state with the clock of its stage begun, and that of another stage ended, met or missed."""
    stage, last = _stage(state), state.clocks[-1] if state.clocks else None
    running = last if last is not None and last.ended_at is None else None
    if stage == (running.kind if running else None):
        return state
    at, clocks = provenance.recorded_at, state.clocks
    if running is not None:
        if running.kind == CONSTRUCTION and state.status in OPEN_STATUSES:
            # Whoever takes it out of the plan takes back what residents were told.
            state = replace_unvalidated(state, answer=None)
        ended = replace_unvalidated(running, ended_at=at, overdue_at=overdue_since(running.due_at, at))
        clocks = (*clocks[:-1], ended)
    due_at = provenance.policy.stage_deadline(stage, at) if stage else None
    if stage and due_at:
        number = 1 + sum(each.kind == stage for each in clocks)
        warn_at = provenance.policy.warn_at(at, due_at)
        clocks = (*clocks, _new_clock(kind=stage, number=number, began_at=at, due_at=due_at, warn_at=warn_at))
    return replace_unvalidated(state, clocks=clocks)


def clocks_ended(state: CaseState, at: datetime) -> tuple[StageClock, ...]:
    """Return a case's clocks with the running one, if any, ended: met, or missed."""
    last = state.clocks[-1] if state.clocks else None
    if last is None or last.ended_at is not None:
        return state.clocks
    return (*state.clocks[:-1], replace_unvalidated(last, ended_at=at, overdue_at=overdue_since(last.due_at, at)))


def replace_assignment(state: CaseState, assignment: Assignment) -> tuple[Assignment, ...]:
    """Return the case's assignments with another value for the last one."""
    return (*state.assignments[:-1], assignment)


def replace_limit(assignment: Assignment, limit: Limit) -> Assignment:
    """Return the assignment with another value for its last limit; it is overdue since the first limit that is."""
    limits = (*assignment.limits[:-1], limit)
    overdue_at = next((each.overdue_at for each in limits if each.overdue_at is not None), None)
    return assignment.model_copy(update={"limits": limits, "overdue_at": overdue_at})


def next_limit(state: CaseState, began_at: datetime, due_at: datetime | None, policy: CityPolicy) -> Limit:
    """Return a limit under the case's next number."""
    number = state.assignments[-1].limits[-1].number + 1 if state.assignments else 1
    return _new_limit(number=number, began_at=began_at, due_at=due_at, warn_at=policy.warn_at(began_at, due_at))


def stop_accept_limit(assignment: Assignment, at: datetime) -> Assignment:
    """Return the assignment with its accept limit met or missed at this time."""
    # Judged by the action's own time: whether a timer was consumed before it makes no difference to the result.
    if assignment.accepted_at is not None:
        return assignment
    return assignment.model_copy(update={"accept_overdue_at": overdue_since(assignment.accept_by, at)})


def stop_limit(limit: Limit, at: datetime) -> Limit:
    """Return the limit, met or missed at this time."""
    return limit.model_copy(update={"overdue_at": overdue_since(limit.due_at, at)})


def replace_unit_order(assignment: Assignment, at: datetime, **fields: object) -> Assignment:
    """Return the assignment with these fields of the order that is handed on now changed; its limit, met or missed."""
    order = assignment.handed_on[-1] if assignment.handed_on else None
    if order is None or not order.is_open:
        return assignment
    if "accepted_at" not in fields or "finished_at" in fields:
        missed = order.overdue_at if order.finished_at is not None else overdue_since(order.due_at, at)
        fields = {"overdue_at": missed, **fields}
    return replace_unvalidated(assignment, handed_on=(*assignment.handed_on[:-1], replace_unvalidated(order, **fields)))


def end_assignment(state: CaseState, at: datetime, **fields: object) -> tuple[Assignment, ...]:
    """Return the case's assignments after its department lost the order: limits stop, met or missed."""
    assignment = replace_unit_order(state.assignments[-1], at, withdrawn_at=at)
    limit = assignment.limits[-1]
    # Finished work that nobody has failed was met or missed when it was finished.
    stopped_limit = limit if state.status == "inspecting" else stop_limit(limit, at)
    stopped = replace_limit(stop_accept_limit(assignment, at), stopped_limit)
    return replace_assignment(state, replace_unvalidated(stopped, **fields))


def is_active(helper: Helper) -> bool:
    """Return whether the helper still has its order, in a case that is open."""
    return helper.returned_at is None and helper.withdrawn_at is None


def open_helpers(state: CaseState) -> tuple[str, ...]:
    """Return who has an order in an open case beside the lead: helpers, and the unit to which the lead handed it on."""
    if not (state.helpers or has_handed_on(state)) or state.status not in OPEN_STATUSES:
        return ()
    helpers = tuple(each.department for each in state.helpers if is_active(each))
    handed_on = open_unit_order(state.assignments)
    return (*helpers, handed_on.unit) if handed_on is not None and handed_on.unit != state.department else helpers


def has_handed_on(state: CaseState) -> bool:
    """Return whether the department that has the case ever handed its order on."""
    return bool(state.assignments) and bool(state.assignments[-1].handed_on)


def _stage(state: CaseState) -> AnyTimerKind | None:  # noqa: PLR0911 - a table
    """Return the stage, if any, whose clock runs though no department answers for it."""
    match state.status:
        case _ if state.past:
            return None
        case "received":
            return "verify"
        case "filed" if is_planned(state):
            return CONSTRUCTION
        case "filed":
            # Not for the moment between filing and routing; but filing by hand does not begin the clock anew.
            is_running = bool(state.clocks) and state.clocks[-1].kind == "dispatch" and not state.clocks[-1].ended_at
            return "dispatch" if state.held_because is not None or is_running else None
        case "inspecting":
            return "inspect"
        case "closed":
            return "callback" if state.callbacks_awaited else None
        case _:
            return None


def overdue_since(due_at: datetime | None, at: datetime) -> datetime | None:
    """Return the end of a limit that has passed at this time."""
    return due_at if due_at is not None and at > due_at else None
