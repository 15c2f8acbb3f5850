"""The life of a case: what a report opens or joins, what an action does, what a clock that ran out does."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

from paidan_contracts.actions import ActionRequested
from paidan_contracts.cases import CaseEvent
from paidan_contracts.city.calendar import CalendarExhausted
from paidan_contracts.inbox import TimerDue
from paidan_contracts.outcomes import Refusal
from paidan_contracts.reports import ReportReceived
from paidan_contracts.state import CaseState
from paidan_dispatch.cases import deadlines, guards, placing, transitions
from paidan_dispatch.cases.acting import apply_action
from paidan_dispatch.cases.opening import first_state, is_trusted
from paidan_dispatch.cases.policy import CityPolicy
from paidan_dispatch.cases.provenance import action_provenance, report_provenance, timer_provenance
from paidan_dispatch.matching.match import (
    CandidateIndex,
    Duplicate,
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
class Progressed:
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

    refusal: Refusal


@dataclass(frozen=True, slots=True)
class Ignored:
    """A timer that means nothing any more: cancelled, overtaken, or seen before."""

    reason: str


ReportDecision: TypeAlias = Opened | Progressed | Refused
"""Opened, merged (``Moved``), or refused."""


def receive_report(
    report: ReportReceived, *, nearby: CandidateIndex, state_of: Callable[[str], CaseState], policy: CityPolicy
) -> ReportDecision:
    """Open a case for a report, or let the report join the open case that it is about.

    ``nearby`` holds the cases in ``matching.squares_around(report)``, those that this batch opened or changed
    included; ``case_of`` gives the whole state of one of them. Whoever calls notes ``matching.sighting`` of each
    step in ``nearby`` before the next report.
    """
    if report.city != policy.city.id:
        return Refused(guards.unknown_city(report.city))
    provenance = report_provenance(report, policy)
    matched = match(report, nearby.in_squares(squares_around(report, policy)), policy)
    if isinstance(matched, Duplicate):
        return _join(state_of(matched.case_id), report, matched.distance_m, policy)
    opened = transitions.opened(report, provenance, first_state(report, matched.recurrence_of, policy))
    if opened.state.status == "received":
        return Opened((opened,))
    return Opened((opened, placing.route_or_hold(opened.state, provenance, policy)))


def decide(state: CaseState, request: ActionRequested, policy: CityPolicy) -> Progressed | Refused:
    """Judge an action in the case's present state; what is refused leaves it untouched."""
    refusal = guards.find_refusal(state, request)
    if refusal is not None:
        return Refused(refusal)
    try:
        events = apply_action(state, request, action_provenance(request, policy), policy)
    except CalendarExhausted:
        return Refused(guards.calendar_ended(state))
    return Refused(events) if isinstance(events, Refusal) else Progressed(state, tuple(events))


def unknown_case(request: ActionRequested) -> Refused:
    """Refuse an action for a case that nobody knows."""
    return Refused(guards.unknown_case(request.case_id))


def expire_timer(state: CaseState, timer: TimerDue, policy: CityPolicy) -> Progressed | Ignored:
    """Record that a clock ran out, once for each limit; a cancelled generation is ignored."""
    for running in deadlines.running_timers(state):
        if (running.kind, running.generation) == (timer.kind, timer.generation):
            return Progressed(state, (transitions.overdue(state, timer_provenance(timer, policy), timer.kind),))
    return Ignored(f"no {timer.kind} clock of generation {timer.generation} runs in state {state.status}")


def _join(state: CaseState, report: ReportReceived, metres: float, policy: CityPolicy) -> Progressed:
    provenance = report_provenance(report, policy)
    merged = transitions.merged(state, provenance, report, metres)
    if state.status == "received" and is_trusted(report, policy):
        return Progressed(state, (merged, *placing.file_and_route(merged.state, provenance, policy)))
    return Progressed(state, (merged,))
