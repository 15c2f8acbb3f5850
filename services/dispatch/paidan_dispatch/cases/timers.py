"""The timers that run in a case's state."""

from collections.abc import Iterator
from datetime import datetime
from functools import cache
from typing import Final, NamedTuple

from paidan_contracts import ids
from paidan_contracts.assignments import Assignment, Helper, UnitOrder
from paidan_contracts.extensible import Unknown
from paidan_contracts.state import CaseState
from paidan_contracts.time_limits import TimeLimits
from paidan_contracts.wire import AnyTimerKind
from paidan_dispatch.cases.case_state import OPEN_STATUSES, is_active
from paidan_dispatch.cases.ladder import running_positions
from paidan_dispatch.cases.limit_requests import open_steps

HELPER_ACCEPT: Final = Unknown("helper_accept")
HELPER_HANDLE: Final = Unknown("helper_handle")
UNIT_HANDLE: Final = Unknown("unit_handle")
"""Of an order that is handed on inside the department."""
PLAN_STEP: Final = Unknown("plan_step")
PROMISE: Final = Unknown("promise")
RESUME: Final = Unknown("resume")
STEPS_PER_SETTING: Final = 1000
"""A generation of a planned step's timer is the step's number, and this many for each further setting."""
ACCEPTS_PER_SETTING: Final = 1000
"""A generation of an accept limit's timer is the assignment's number, and this many for each setting of a limit."""
WARNING: Final = "_warning"
ESCALATION: Final = "_escalation"
UNITS_PER_REWORK: Final = 1000
HELPERS_PER_ROUND: Final = 1000
"""Timers of helpers' orders; a generation is the helper's number, and this many for each reopening or setting."""


class Timer(NamedTuple):
    """A timer of a case. Setting the same kind again gives it a higher generation, so no two are equal."""

    case_id: str
    area: str
    kind: AnyTimerKind
    generation: int
    due_at: datetime

    @property
    def id(self) -> str:
        """The same each time it fires, so that a repeat has no effect."""
        return ids.timer_id(self.case_id, self.kind, self.generation)


def running_timers(state: CaseState) -> tuple[Timer, ...]:
    """Return the timers that run in this state and have not been consumed; an imported case has none."""
    return () if state.past else tuple(_iter_running(state))


def next_due_at(state: CaseState) -> datetime | None:
    """Return when the first running timer is due; None where none runs."""
    if state.version == 1 and state.status == "dispatched" and not (state.past or state.helpers or state.time_limits):
        return _first_due_at(state.assignments[-1])
    return min((each.due_at for each in running_timers(state)), default=None)


def _first_due_at(assignment: Assignment) -> datetime | None:
    """Return the same of a case that was opened and dispatched in one step, of which nothing else can run yet."""
    limit = assignment.limits[-1]
    due_at = (assignment.accept_by, assignment.accept_warn_at, limit.due_at, limit.warn_at)
    return min((each for each in due_at if each is not None), default=None)


def _iter_running(state: CaseState) -> Iterator[Timer]:
    if state.status in ("dispatched", "handling"):
        assignment = state.assignments[-1]
        limit = assignment.limits[-1]
        if state.status == "dispatched" and assignment.accept_overdue_at is None:
            # Shortened by an emergency it is set again, which counts as a setting.
            settings = state.time_limits.settings if state.time_limits is not None else 0
            generation = assignment.number + ACCEPTS_PER_SETTING * settings
            yield from _timers(state, "accept", generation, assignment.accept_by, assignment.accept_warn_at)
        if limit.overdue_at is None:
            # Each new limit and each new round sets the timer again; both numbers only grow, and so does their sum.
            yield from _timers(state, "handle", limit.number + state.round, limit.due_at, limit.warn_at)
        if assignment.handed_on:
            yield from _iter_unit_timers(state, assignment.handed_on[-1])
    if state.helpers and state.status in OPEN_STATUSES:
        yield from _iter_timers_of_helpers(state)
    if state.escalation is not None:
        yield from _iter_escalation_timers(state)
    if state.clocks and (clock := state.clocks[-1]).ended_at is None and clock.overdue_at is None:
        yield from _timers(state, clock.kind, clock.number, clock.due_at, clock.warn_at)
    if state.time_limits is not None:
        yield from _iter_limit_timers(state, state.time_limits)


def _iter_timers_of_helpers(state: CaseState) -> Iterator[Timer]:
    for number, helper in enumerate(state.helpers, start=1):
        if is_active(helper):
            yield from _iter_helper_timers(state, helper, number)


def _iter_limit_timers(state: CaseState, limits: TimeLimits) -> Iterator[Timer]:
    if limits.suspension is not None and state.status == "suspended":
        yield Timer(state.case_id, state.area, RESUME, limits.suspension.request, limits.suspension.resume_at)
    if state.status in ("dispatched", "handling"):
        for step in open_steps(state):
            if step.overdue_at is None:
                generation = step.number + STEPS_PER_SETTING * (step.setting - 1)
                yield from _timers(state, PLAN_STEP, generation, step.due_at, step.warn_at)
    promise = limits.promise
    if promise is not None and promise.ended_at is None and promise.overdue_at is None:
        yield from _timers(state, PROMISE, promise.number, promise.due_at, promise.warn_at)


def _timers(
    state: CaseState, kind: AnyTimerKind, generation: int, due_at: datetime | None, warn_at: datetime | None
) -> Iterator[Timer]:
    if warn_at is not None:
        yield Timer(state.case_id, state.area, _warning_of(kind), generation, warn_at)
    if due_at is not None:
        yield Timer(state.case_id, state.area, kind, generation, due_at)


@cache
def _warning_of(kind: AnyTimerKind) -> Unknown:
    return Unknown(f"{kind}{WARNING}")


def _iter_unit_timers(state: CaseState, order: UnitOrder) -> Iterator[Timer]:
    if order.is_open and order.finished_at is None and order.overdue_at is None:
        # Work that was not confirmed goes on under the same limit, and a new limit is one: either sets the timer again.
        generation = order.number + UNITS_PER_REWORK * (order.reworks + order.settings)
        yield from _timers(state, UNIT_HANDLE, generation, order.due_at, order.warn_at)


def _iter_escalation_timers(state: CaseState) -> Iterator[Timer]:
    for position in running_positions(state):
        if position.due_at is not None:
            kind = Unknown(f"{position.clock}{ESCALATION}")
            yield Timer(state.case_id, state.area, kind, position.set_at_version, position.due_at)


def _iter_helper_timers(state: CaseState, helper: Helper, number: int) -> Iterator[Timer]:
    # A helper's limit begins anew when the case is reopened or the lead's is set anew; the generation tells them apart.
    settings = state.time_limits.settings if state.time_limits is not None else 0
    generation = number + HELPERS_PER_ROUND * (state.reopened + settings)
    if helper.accepted_at is None and helper.accept_overdue_at is None:
        yield from _timers(state, HELPER_ACCEPT, generation, helper.accept_by, helper.accept_warn_at)
    if helper.finished_at is None and helper.overdue_at is None:
        yield from _timers(state, HELPER_HANDLE, generation, helper.due_at, helper.warn_at)
