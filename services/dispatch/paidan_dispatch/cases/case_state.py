"""Builds the state after a step: provenance, version, assignments with their limits, and the timers that then run."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Final, TypeAlias, TypedDict

from paidan_contracts import ids
from paidan_contracts.actions import ActionRequested, Actor
from paidan_contracts.cases import CaseEvent, Cause
from paidan_contracts.inbox import TimerDue
from paidan_contracts.outcomes import Refusal
from paidan_contracts.reports import ReportReceived
from paidan_contracts.state import Assignment, CaseState, Limit, Status
from paidan_contracts.unvalidated import replace_unvalidated, unvalidated_constructor
from paidan_contracts.wire import AnyTimerKind
from paidan_dispatch.cases.policy import CityPolicy

ActResult: TypeAlias = list[CaseEvent] | Refusal
"""The result of an action: events in order, or a refusal."""

ASSIGNED_STATUSES: Final[frozenset[Status]] = frozenset({"dispatched", "handling", "suspended", "inspecting"})
"""A department has a valid order."""

_new_cause: Final = unvalidated_constructor(Cause)
_new_limit: Final = unvalidated_constructor(Limit)


@dataclass(frozen=True, slots=True)
class Provenance:
    """What causes a step: the inbox entry, the actor if any, both times, and the pack version decided by."""

    cause: Cause
    occurred_at: datetime
    recorded_at: datetime
    """Paidan's own time, by which deadlines are judged."""
    city_version: str
    actor: Actor | None = None

    def without_actor(self) -> "Provenance":
        """Return the provenance of a step that follows automatically."""
        return Provenance(self.cause, self.occurred_at, self.recorded_at, self.city_version) if self.actor else self


class EventFields(TypedDict):
    """Fields that every event has."""

    case_id: str
    version: int
    cause: Cause
    actor: Actor | None
    occurred_at: datetime
    recorded_at: datetime
    state: CaseState


@dataclass(frozen=True, slots=True)
class Timer:
    """A timer of a case. Setting the same kind again gives it a higher generation, so no two are equal."""

    case_id: str
    area: str
    kind: AnyTimerKind
    generation: int
    due_at: datetime

    @property
    def id(self) -> str:
        """The timer's id, the same each time it fires, so that a repeat has no effect."""
        return ids.timer_id(self.case_id, self.kind, self.generation)


@dataclass(frozen=True, slots=True)
class TimerChanges:
    """Timers to insert and to delete (by case, kind and generation)."""

    to_set: tuple[Timer, ...] = ()
    to_cancel: tuple[Timer, ...] = ()


def report_provenance(report: ReportReceived, policy: CityPolicy) -> Provenance:
    """Return the provenance of the steps that a report causes."""
    cause = _new_cause(kind="report", id=report.report_id)
    return Provenance(cause, report.occurred_at, report.recorded_at, policy.version)


def action_provenance(request: ActionRequested, policy: CityPolicy) -> Provenance:
    """Return the provenance of the steps that an action causes."""
    cause = _new_cause(kind="action", id=request.action_id)
    return Provenance(cause, request.occurred_at, request.recorded_at, policy.version, request.actor)


def timer_provenance(timer: TimerDue, policy: CityPolicy) -> Provenance:
    """Return the provenance of an overdue step: it happened when the timer was due, not when it was consumed."""
    cause = _new_cause(kind="timer", id=timer.timer_id)
    return Provenance(cause, timer.due_at, timer.due_at, policy.version)


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
    """Return the state under the next version, with these fields changed."""
    return replace_unvalidated(state, version=state.version + 1, city_version=provenance.city_version, **changes)


def replace_assignment(state: CaseState, assignment: Assignment) -> tuple[Assignment, ...]:
    """Return the case's assignments with another value for the last one."""
    return (*state.assignments[:-1], assignment)


def replace_limit(assignment: Assignment, limit: Limit) -> Assignment:
    """Return the assignment with another value for its last limit; it is overdue since the first limit that is."""
    limits = (*assignment.limits[:-1], limit)
    overdue_at = next((each.overdue_at for each in limits if each.overdue_at is not None), None)
    return assignment.model_copy(update={"limits": limits, "overdue_at": overdue_at})


def next_limit(state: CaseState, began_at: datetime, due_at: datetime | None) -> Limit:
    """Return a limit under the case's next number."""
    number = state.assignments[-1].limits[-1].number + 1 if state.assignments else 1
    return _new_limit(number=number, began_at=began_at, due_at=due_at)


def stop_accept_limit(assignment: Assignment, at: datetime) -> Assignment:
    """Return the assignment with its accept limit met or missed at this time."""
    # Judged by the action's own time: whether a timer was consumed before it makes no difference to the result.
    if assignment.accepted_at is not None:
        return assignment
    return assignment.model_copy(update={"accept_overdue_at": _overdue_since(assignment.accept_by, at)})


def stop_limit(limit: Limit, at: datetime) -> Limit:
    """Return the limit, met or missed at this time."""
    return limit.model_copy(update={"overdue_at": _overdue_since(limit.due_at, at)})


def end_assignment(state: CaseState, at: datetime, **fields: object) -> tuple[Assignment, ...]:
    """Return the case's assignments after its department lost the order: limits stop, met or missed."""
    assignment = state.assignments[-1]
    stopped = replace_limit(stop_accept_limit(assignment, at), stop_limit(assignment.limits[-1], at))
    return replace_assignment(state, replace_unvalidated(stopped, **fields))


def running_timers(state: CaseState) -> tuple[Timer, ...]:
    """Return the timers that run in this state and have not been consumed; an imported case has none."""
    if state.past or state.status not in ("dispatched", "handling"):
        return ()
    return tuple(_iter_running(state))


def timer_changes(previous: CaseState | None, current: CaseState) -> TimerChanges:
    """Return the timers to set and to cancel between two states, however many steps lie between them."""
    timers_before, timers_after = running_timers(previous) if previous else (), running_timers(current)
    if timers_before == timers_after:
        return TimerChanges()
    return TimerChanges(
        tuple(each for each in timers_after if each not in timers_before),
        tuple(each for each in timers_before if each not in timers_after),
    )


def _iter_running(state: CaseState) -> Iterator[Timer]:
    assignment = state.assignments[-1]
    limit = assignment.limits[-1]
    if state.status == "dispatched" and assignment.accept_by is not None and assignment.accept_overdue_at is None:
        yield Timer(state.case_id, state.area, "accept", assignment.number, assignment.accept_by)
    if limit.due_at is not None and limit.overdue_at is None:
        # Each new limit and each new round sets the timer again; both numbers only grow, and so does their sum.
        yield Timer(state.case_id, state.area, "handle", limit.number + state.round, limit.due_at)


def _overdue_since(due_at: datetime | None, at: datetime) -> datetime | None:
    return due_at if due_at is not None and at > due_at else None
