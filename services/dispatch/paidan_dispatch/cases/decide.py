"""The life of a case: what a report opens or joins, what an action does, what a clock that ran out does."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

from paidan_contracts.actions import ActionRequested
from paidan_contracts.cases import CaseEvent
from paidan_contracts.city.calendar import CalendarEnded
from paidan_contracts.inbox import TimerDue
from paidan_contracts.outcomes import Why
from paidan_contracts.reports import ReportReceived
from paidan_contracts.state import CaseState
from paidan_dispatch.cases import deadlines, guards, placing, transitions
from paidan_dispatch.cases.acting import act
from paidan_dispatch.cases.opening import first_state, is_trusted
from paidan_dispatch.cases.policy import Bylaws
from paidan_dispatch.cases.provenance import of_action, of_report, of_timer
from paidan_dispatch.matching.match import (
    Nearby,
    Same,
    match,
    squares_around,
)


@dataclass(frozen=True, slots=True)
class Opened:
    """A report opened a case."""

    events: tuple[CaseEvent, ...]

    @property
    def after(self) -> CaseState:
        """The case as it is now."""
        return self.events[-1].state


@dataclass(frozen=True, slots=True)
class Moved:
    """A case took one or more steps: a report joined it, an action was applied, a clock ran out."""

    before: CaseState
    events: tuple[CaseEvent, ...]

    @property
    def after(self) -> CaseState:
        """The case as it is now."""
        return self.events[-1].state


@dataclass(frozen=True, slots=True)
class Refused:
    """Nothing changed, and the sender gets to see why."""

    why: Why


@dataclass(frozen=True, slots=True)
class Ignored:
    """A timer that means nothing any more: cancelled, overtaken, or seen before."""

    because: str


Taken: TypeAlias = Opened | Moved | Refused
"""Opened, merged (``Moved``), or refused."""


def take_in(report: ReportReceived, *, nearby: Nearby, case_of: Callable[[str], CaseState], bylaws: Bylaws) -> Taken:
    """Open a case for a report, or let the report join the open case that it is about.

    ``nearby`` holds the cases in ``matching.squares_around(report)``, those that this batch opened or changed
    included; ``case_of`` gives the whole state of one of them. Whoever calls notes ``matching.sighting`` of each
    step in ``nearby`` before the next report.
    """
    if report.city != bylaws.city.id:
        return Refused(guards.unknown_city(report.city))
    stamp = of_report(report, bylaws)
    found = match(report, nearby.within(squares_around(report, bylaws)), bylaws)
    if isinstance(found, Same):
        return _join(case_of(found.case_id), report, found.metres, bylaws)
    opened = transitions.opened(report, stamp, first_state(report, found.recurrence_of, bylaws))
    if opened.state.status == "received":
        return Opened((opened,))
    return Opened((opened, placing.send_on(opened.state, stamp, bylaws)))


def decide(state: CaseState, request: ActionRequested, bylaws: Bylaws) -> Moved | Refused:
    """Judge an action in the case's present state; what is refused leaves it untouched."""
    against = guards.objection(state, request)
    if against is not None:
        return Refused(against)
    try:
        taken = act(state, request, of_action(request, bylaws), bylaws)
    except CalendarEnded:
        return Refused(guards.calendar_ended(state))
    return Refused(taken) if isinstance(taken, Why) else Moved(state, tuple(taken))


def unknown_case(request: ActionRequested) -> Refused:
    """Refuse an action for a case that nobody knows."""
    return Refused(guards.unknown_case(request.case_id))


def run_out(state: CaseState, timer: TimerDue, bylaws: Bylaws) -> Moved | Ignored:
    """Record that a clock ran out, once for each limit; a cancelled generation is ignored."""
    for clock in deadlines.running(state):
        if (clock.kind, clock.generation) == (timer.kind, timer.generation):
            return Moved(state, (transitions.overdue(state, of_timer(timer, bylaws), timer.kind),))
    return Ignored(f"no {timer.kind} clock of generation {timer.generation} runs in state {state.status}")


def _join(state: CaseState, report: ReportReceived, metres: float, bylaws: Bylaws) -> Moved:
    stamp = of_report(report, bylaws)
    merged = transitions.merged(state, stamp, report, metres)
    if state.status == "received" and is_trusted(report, bylaws):
        return Moved(state, (merged, *placing.accept(merged.state, stamp, bylaws)))
    return Moved(state, (merged,))
