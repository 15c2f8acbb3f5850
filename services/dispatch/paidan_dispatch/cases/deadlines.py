"""Which clocks of a case run, and what must be set or cancelled after a step. The state alone says it."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from paidan_contracts import ids
from paidan_contracts.inbox import TimerKind
from paidan_contracts.state import CaseState


@dataclass(frozen=True, slots=True)
class Timer:
    """One setting of a case's clock. A later setting of the same kind has a higher generation; no two are equal."""

    case_id: str
    area: str
    kind: TimerKind
    generation: int
    due_at: datetime

    @property
    def id(self) -> str:
        """Name it, so that one that fires twice counts once."""
        return ids.timer_id(self.case_id, self.kind, self.generation)


@dataclass(frozen=True, slots=True)
class TimerChanges:
    """What a step did to the clocks: rows to insert, rows to delete (by case, kind and generation)."""

    to_set: tuple[Timer, ...] = ()
    to_cancel: tuple[Timer, ...] = ()


def running_timers(state: CaseState) -> tuple[Timer, ...]:
    """List the clocks that run in this state and were not yet seen to run out; an imported past has none."""
    if state.past or state.status not in ("dispatched", "handling"):
        return ()
    return tuple(_iter_running(state))


def timer_changes(previous: CaseState | None, current: CaseState) -> TimerChanges:
    """Say what must be set and what cancelled when a case went from one state to another, over any number of steps."""
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
        # Each new limit and each new round sets the clock again; both numbers only grow, and so does their sum.
        yield Timer(state.case_id, state.area, "handle", limit.number + state.round, limit.due_at)
