"""What a reporter is told of a case, read from its steps. Pure."""

from datetime import datetime
from typing import NamedTuple

from paidan_contracts.wire import CaseId, PositiveInt, Timestamp, WireModel


class CaseStatus(NamedTuple):
    """One version of a case, so far as a reporter is told of it."""

    case_id: str
    version: int
    status: str
    answer: str | None
    due_at: datetime | None
    changed_at: datetime


class PartialLimit(WireModel):
    """A limit, so far as a reporter is told of it."""

    due_at: Timestamp | None = None


class PartialAssignment(WireModel):
    """An assignment, so far as a reporter is told of it."""

    limits: tuple[PartialLimit, ...] = ()


class PartialState(WireModel):
    """A case's state, so far as a reporter is told of it: reading all of it would cost five times as much."""

    status: str
    assignments: tuple[PartialAssignment, ...] = ()
    ended_because: str | None = None


class PartialCaseEvent(WireModel):
    """A step of a case, so far as a reporter is told of it."""

    type: str
    case_id: CaseId
    version: PositiveInt
    recorded_at: Timestamp
    text: str | None = None
    state: PartialState


def status_of(event: PartialCaseEvent) -> CaseStatus:
    """Say how a case stands. The answer is what the department said on finishing, or why the case was ended."""
    limits = event.state.assignments[-1].limits if event.state.assignments else ()
    return CaseStatus(
        case_id=event.case_id,
        version=event.version,
        status=event.state.status,
        answer=event.state.ended_because or (event.text if event.type == "case.finished.v1" else None) or None,
        due_at=limits[-1].due_at if limits else None,
        changed_at=event.recorded_at,
    )
