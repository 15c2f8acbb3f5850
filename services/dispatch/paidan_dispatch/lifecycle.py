"""The life of a case: what a report opens or joins, what an action does, what a clock that ran out does."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

from paidan_contracts.actions import ActionRequested
from paidan_contracts.cases import CaseEvent
from paidan_contracts.inbox import TimerDue
from paidan_contracts.outcomes import Why
from paidan_contracts.reports import ReportReceived
from paidan_contracts.state import CaseState

from .bylaws import Bylaws
from .matching import Nearby


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
    raise NotImplementedError


def decide(state: CaseState, request: ActionRequested, bylaws: Bylaws) -> Moved | Refused:
    """Judge an action in the case's present state; what is refused leaves it untouched."""
    raise NotImplementedError


def unknown_case(request: ActionRequested) -> Refused:
    """Refuse an action for a case that nobody knows."""
    raise NotImplementedError


def run_out(state: CaseState, timer: TimerDue, bylaws: Bylaws) -> Moved | Ignored:
    """Record that a clock ran out, once for each limit; a cancelled generation is ignored."""
    raise NotImplementedError
