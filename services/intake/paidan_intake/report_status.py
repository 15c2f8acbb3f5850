"""The status of a case as its reporters see it, read from case events. Pure."""

from datetime import datetime
from typing import NamedTuple

from paidan_contracts.wire import CaseId, Id, PositiveInt, Timestamp, WireModel


class CaseStatus(NamedTuple):
    """The status of a case at one version, as its reporters see it."""

    case_id: str
    version: int
    status: str
    answer: str | None
    due_at: datetime | None
    changed_at: datetime
    callbacks_awaited: tuple[str, ...] | None
    """The reports whose reporter is to be called back now; None: release 0.1 did not say."""


class PartialLimit(WireModel):
    """The part of a limit that reporters see."""

    due_at: Timestamp | None = None


class PartialAssignment(WireModel):
    """The part of an assignment that reporters see."""

    limits: tuple[PartialLimit, ...] = ()


class PartialState(WireModel):
    """The part of a case's state that reporters see; decoding all of it would cost five times as much."""

    status: str
    assignments: tuple[PartialAssignment, ...] = ()
    answer: str | None = None
    callbacks_awaited: tuple[Id, ...] | None = None


class PartialCaseEvent(WireModel):
    """The part of a case event that reporters see."""

    type: str
    case_id: CaseId
    version: PositiveInt
    recorded_at: Timestamp
    state: PartialState


def status_of(event: PartialCaseEvent) -> CaseStatus:
    """Return the status after an event. ``answer`` is the public one: nobody's account before it was inspected."""
    limits = event.state.assignments[-1].limits if event.state.assignments else ()
    return CaseStatus(
        case_id=event.case_id,
        version=event.version,
        status=event.state.status,
        answer=event.state.answer,
        due_at=limits[-1].due_at if limits else None,
        changed_at=event.recorded_at,
        callbacks_awaited=event.state.callbacks_awaited,
    )
