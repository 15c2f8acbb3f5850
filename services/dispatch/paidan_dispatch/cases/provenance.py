"""What every step says of how it came about: the inbox entry behind it, who acted, when, under which bylaws."""

from dataclasses import dataclass
from datetime import datetime
from typing import Final, TypedDict

from paidan_contracts.actions import ActionRequested, Actor
from paidan_contracts.cases import Cause
from paidan_contracts.inbox import TimerDue
from paidan_contracts.reports import ReportReceived
from paidan_contracts.state import CaseState
from paidan_contracts.unvalidated import unchecked
from paidan_dispatch.cases.policy import Bylaws

_made_cause: Final = unchecked(Cause)


@dataclass(frozen=True, slots=True)
class Stamp:
    """What brings a step about: the inbox entry, who acts if anybody does, its two times, the version decided by."""

    cause: Cause
    occurred_at: datetime
    at: datetime
    """Ours, by which everything is judged: ``recorded_at``."""
    version: str
    actor: Actor | None = None

    def by_rule(self) -> "Stamp":
        """Say the same of a step that follows of itself."""
        return Stamp(self.cause, self.occurred_at, self.at, self.version) if self.actor else self


class Head(TypedDict):
    """The part that every event has."""

    case_id: str
    version: int
    cause: Cause
    actor: Actor | None
    occurred_at: datetime
    recorded_at: datetime
    state: CaseState


def of_report(report: ReportReceived, bylaws: Bylaws) -> Stamp:
    """Stamp what a report brings about."""
    cause = _made_cause(kind="report", id=report.report_id)
    return Stamp(cause, report.occurred_at, report.recorded_at, bylaws.version)


def of_action(request: ActionRequested, bylaws: Bylaws) -> Stamp:
    """Stamp what an action brings about."""
    cause = _made_cause(kind="action", id=request.action_id)
    return Stamp(cause, request.occurred_at, request.recorded_at, bylaws.version, request.actor)


def of_timer(timer: TimerDue, bylaws: Bylaws) -> Stamp:
    """Stamp what a clock brings about: it happened when the clock ran out, not when somebody looked."""
    cause = _made_cause(kind="timer", id=timer.timer_id)
    return Stamp(cause, timer.due_at, timer.due_at, bylaws.version)


def head(after: CaseState, stamp: Stamp) -> Head:
    """Write down the part that every event has."""
    return {
        "case_id": after.case_id,
        "version": after.version,
        "cause": stamp.cause,
        "actor": stamp.actor,
        "occurred_at": stamp.occurred_at,
        "recorded_at": stamp.at,
        "state": after,
    }
