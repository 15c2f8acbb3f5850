"""What every step says of how it came about: the inbox entry behind it, who acted, when, under which bylaws."""

from dataclasses import dataclass
from datetime import datetime
from typing import Final, TypedDict

from paidan_contracts.actions import ActionRequested, Actor
from paidan_contracts.cases import Cause
from paidan_contracts.inbox import TimerDue
from paidan_contracts.reports import ReportReceived
from paidan_contracts.state import CaseState
from paidan_contracts.unvalidated import unvalidated_constructor
from paidan_dispatch.cases.policy import CityPolicy

_new_cause: Final = unvalidated_constructor(Cause)


@dataclass(frozen=True, slots=True)
class Provenance:
    """What brings a step about: the inbox entry, who acts if anybody does, its two times, the version decided by."""

    cause: Cause
    occurred_at: datetime
    recorded_at: datetime
    """Ours, by which everything is judged: ``recorded_at``."""
    city_version: str
    actor: Actor | None = None

    def without_actor(self) -> "Provenance":
        """Say the same of a step that follows of itself."""
        return Provenance(self.cause, self.occurred_at, self.recorded_at, self.city_version) if self.actor else self


class EventFields(TypedDict):
    """The part that every event has."""

    case_id: str
    version: int
    cause: Cause
    actor: Actor | None
    occurred_at: datetime
    recorded_at: datetime
    state: CaseState


def report_provenance(report: ReportReceived, policy: CityPolicy) -> Provenance:
    """Stamp what a report brings about."""
    cause = _new_cause(kind="report", id=report.report_id)
    return Provenance(cause, report.occurred_at, report.recorded_at, policy.version)


def action_provenance(request: ActionRequested, policy: CityPolicy) -> Provenance:
    """Stamp what an action brings about."""
    cause = _new_cause(kind="action", id=request.action_id)
    return Provenance(cause, request.occurred_at, request.recorded_at, policy.version, request.actor)


def timer_provenance(timer: TimerDue, policy: CityPolicy) -> Provenance:
    """Stamp what a clock brings about: it happened when the clock ran out, not when somebody looked."""
    cause = _new_cause(kind="timer", id=timer.timer_id)
    return Provenance(cause, timer.due_at, timer.due_at, policy.version)


def event_fields(state: CaseState, provenance: Provenance) -> EventFields:
    """Write down the part that every event has."""
    return {
        "case_id": state.case_id,
        "version": state.version,
        "cause": provenance.cause,
        "actor": provenance.actor,
        "occurred_at": provenance.occurred_at,
        "recorded_at": provenance.recorded_at,
        "state": state,
    }
