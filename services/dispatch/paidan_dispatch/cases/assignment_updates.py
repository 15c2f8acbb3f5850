"""One department's turn with a case: what accepting, finishing, returning and reopening write into an assignment."""

from datetime import datetime
from typing import Final

from paidan_contracts.state import Assignment, CaseState, Limit, Status
from paidan_contracts.unvalidated import changed, unchecked

LIVE: Final[frozenset[Status]] = frozenset({"dispatched", "handling", "suspended", "inspecting"})
"""A department has an order in hand."""

_made_limit: Final = unchecked(Limit)


def last(state: CaseState) -> Assignment:
    """Give the assignment that runs, or ran last."""
    return state.assignments[-1]


def with_last(state: CaseState, assignment: Assignment) -> tuple[Assignment, ...]:
    """Put another value in the place of the last assignment."""
    return (*state.assignments[:-1], assignment)


def next_limit(state: CaseState, began_at: datetime, due_at: datetime | None) -> Limit:
    """Begin a limit under the case's next number."""
    number = last(state).limits[-1].number + 1 if state.assignments else 1
    return _made_limit(number=number, began_at=began_at, due_at=due_at)


def accepted(turn: Assignment, at: datetime) -> Assignment:
    """The department took the order."""
    return _accept_clock_stopped(turn, at).model_copy(update={"accepted_at": at})


def finished(turn: Assignment, at: datetime, proof: tuple[str, ...]) -> Assignment:
    """The department says that the work is done; the last time it says so counts."""
    limit = turn.limits[-1]
    late = None if limit.due_at is None else at > limit.due_at
    done = _stopped(limit, at).model_copy(update={"finished_at": at, "late": late})
    return _with_limit(turn, done).model_copy(update={"proof": proof})


def failed(turn: Assignment) -> Assignment:
    """The inspection failed: the deadline stays."""
    return turn.model_copy(update={"reworks": turn.reworks + 1})


def given_up(turn: Assignment, at: datetime, **how: object) -> Assignment:
    """The department has it no more: its clocks stand where they are, and what they showed stays with it."""
    still = _with_limit(_accept_clock_stopped(turn, at), _stopped(turn.limits[-1], at))
    return changed(still, **how)


def reopened(turn: Assignment, limit: Limit) -> Assignment:
    """The same department has it again, under a limit of its own."""
    return turn.model_copy(update={"limits": (*turn.limits, limit)})


def refiled(turn: Assignment, limit: Limit) -> Assignment:
    """Another catalogue row's limit runs from where the first began; what was finished is judged by it anew."""
    before = turn.limits[-1]
    late = None if limit.due_at is None or before.finished_at is None else before.finished_at > limit.due_at
    return _with_limit(turn, limit.model_copy(update={"finished_at": before.finished_at, "late": late}))


def accept_ran_out(turn: Assignment) -> Assignment:
    """The accept clock ran out."""
    return turn.model_copy(update={"accept_overdue_at": turn.accept_by})


def handling_ran_out(turn: Assignment) -> Assignment:
    """The handling clock ran out."""
    limit = turn.limits[-1]
    return _with_limit(turn, limit.model_copy(update={"overdue_at": limit.due_at}))


def _accept_clock_stopped(turn: Assignment, at: datetime) -> Assignment:
    # Judged by the deed's stamp: a timer that was read first, or not yet, makes no difference to what is kept.
    if turn.accepted_at is not None:
        return turn
    return turn.model_copy(update={"accept_overdue_at": _passed(turn.accept_by, at)})


def _stopped(limit: Limit, at: datetime) -> Limit:
    return limit.model_copy(update={"overdue_at": _passed(limit.due_at, at)})


def _passed(end: datetime | None, at: datetime) -> datetime | None:
    return end if end is not None and at > end else None


def _with_limit(turn: Assignment, limit: Limit) -> Assignment:
    limits = (*turn.limits[:-1], limit)
    overdue_at = next((each.overdue_at for each in limits if each.overdue_at is not None), None)
    return turn.model_copy(update={"limits": limits, "overdue_at": overdue_at})
