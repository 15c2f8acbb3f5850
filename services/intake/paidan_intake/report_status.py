"""What a reporter is told of a case, read from its steps. Pure."""

from datetime import datetime
from typing import NamedTuple

from paidan_contracts.wire import CaseId, Moment, Said, Version


class Standing(NamedTuple):
    """One version of a case, so far as a reporter is told of it."""

    case_id: str
    version: int
    status: str
    answer: str | None
    due_at: datetime | None
    changed_at: datetime


class LimitSeen(Said):
    """A limit, so far as a reporter is told of it."""

    due_at: Moment | None = None


class AssignmentSeen(Said):
    """An assignment, so far as a reporter is told of it."""

    limits: tuple[LimitSeen, ...] = ()


class StateSeen(Said):
    """A case's state, so far as a reporter is told of it: reading all of it would cost five times as much."""

    status: str
    assignments: tuple[AssignmentSeen, ...] = ()
    ended_because: str | None = None


class CaseSeen(Said):
    """A step of a case, so far as a reporter is told of it."""

    type: str
    case_id: CaseId
    version: Version
    recorded_at: Moment
    text: str | None = None
    state: StateSeen


def standing_of(step: CaseSeen) -> Standing:
    """Say how a case stands. The answer is what the department said on finishing, or why the case was ended."""
    limits = step.state.assignments[-1].limits if step.state.assignments else ()
    return Standing(
        case_id=step.case_id,
        version=step.version,
        status=step.state.status,
        answer=step.state.ended_because or (step.text if step.type == "case.finished.v1" else None) or None,
        due_at=limits[-1].due_at if limits else None,
        changed_at=step.recorded_at,
    )
