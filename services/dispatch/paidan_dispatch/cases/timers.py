"""The timers that run in a case's state."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from paidan_contracts import ids
from paidan_contracts.assignments import Helper
from paidan_contracts.extensible import Unknown
from paidan_contracts.state import CaseState
from paidan_contracts.time_limits import TimeLimits
from paidan_contracts.wire import AnyTimerKind
from paidan_dispatch.cases.case_state import OPEN_STATUSES, is_active
from paidan_dispatch.cases.limit_requests import open_steps

HELPER_ACCEPT: Final = Unknown("helper_accept")


HELPER_HANDLE: Final = Unknown("helper_handle")
PLAN_STEP: Final = Unknown("plan_step")
PROMISE: Final = Unknown("promise")
RESUME: Final = Unknown("resume")
STEPS_PER_SETTING: Final = 1000
"""A generation of a planned step's timer is the step's number, and this many for each further setting."""


WARNING: Final = "_warning"


HELPERS_PER_ROUND: Final = 1000
"""Timers of helpers' orders; a generation is the helper's number, and this many for each reopening or setting."""


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
        """The same each time it fires, so that a repeat has no effect."""
        return ids.timer_id(self.case_id, self.kind, self.generation)


def running_timers(state: CaseState) -> tuple[Timer, ...]:
    """Return the timers that run in this state and have not been consumed; an imported case has none."""
    return () if state.past else tuple(_iter_running(state))


def next_due_at(state: CaseState) -> datetime | None:
    """Return when the first running timer is due; None where none runs."""
    return min((each.due_at for each in running_timers(state)), default=None)


def _iter_running(state: CaseState) -> Iterator[Timer]:
    if state.status in ("dispatched", "handling"):
        assignment = state.assignments[-1]
        limit = assignment.limits[-1]
        if state.status == "dispatched" and assignment.accept_overdue_at is None:
            yield from _timers(state, "accept", assignment.number, assignment.accept_by, assignment.accept_warn_at)
        if limit.overdue_at is None:
            # Each new limit and each new round sets the timer again; both numbers only grow, and so does their sum.
            yield from _timers(state, "handle", limit.number + state.round, limit.due_at, limit.warn_at)
    if state.helpers and state.status in OPEN_STATUSES:
        for number, helper in enumerate(state.helpers, start=1):
            if is_active(helper):
                yield from _iter_helper_timers(state, helper, number)
    if state.clocks and (clock := state.clocks[-1]).ended_at is None and clock.overdue_at is None:
        yield from _timers(state, clock.kind, clock.number, clock.due_at, clock.warn_at)
    if state.time_limits is not None:
        yield from _iter_limit_timers(state, state.time_limits)


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
        yield Timer(state.case_id, state.area, Unknown(f"{kind}{WARNING}"), generation, warn_at)
    if due_at is not None:
        yield Timer(state.case_id, state.area, kind, generation, due_at)


def _iter_helper_timers(state: CaseState, helper: Helper, number: int) -> Iterator[Timer]:
    # A helper's limit begins anew when the case is reopened or the lead's is set anew; the generation tells them apart.
    settings = state.time_limits.settings if state.time_limits is not None else 0
    generation = number + HELPERS_PER_ROUND * (state.reopened + settings)
    if helper.accepted_at is None and helper.accept_by is not None and helper.accept_overdue_at is None:
        yield Timer(state.case_id, state.area, HELPER_ACCEPT, generation, helper.accept_by)
    if helper.finished_at is None and helper.due_at is not None and helper.overdue_at is None:
        yield Timer(state.case_id, state.area, HELPER_HANDLE, generation, helper.due_at)
