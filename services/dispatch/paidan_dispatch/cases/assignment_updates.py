"""One department's turn with a case: what accepting, finishing, returning and reopening write into an assignment."""

from datetime import datetime
from typing import Final

from paidan_contracts.state import Assignment, CaseState, Limit, Status
from paidan_contracts.unvalidated import replace_unvalidated, unvalidated_constructor

ASSIGNED_STATUSES: Final[frozenset[Status]] = frozenset({"dispatched", "handling", "suspended", "inspecting"})
"""A department has an order in hand."""

_new_limit: Final = unvalidated_constructor(Limit)


def last_assignment(state: CaseState) -> Assignment:
    """Give the assignment that runs, or ran last."""
    return state.assignments[-1]


def replace_last(state: CaseState, assignment: Assignment) -> tuple[Assignment, ...]:
    """Put another value in the place of the last assignment."""
    return (*state.assignments[:-1], assignment)


def next_limit(state: CaseState, began_at: datetime, due_at: datetime | None) -> Limit:
    """Begin a limit under the case's next number."""
    number = last_assignment(state).limits[-1].number + 1 if state.assignments else 1
    return _new_limit(number=number, began_at=began_at, due_at=due_at)


def accepted(assignment: Assignment, at: datetime) -> Assignment:
    """The department took the order."""
    return _stop_accept_limit(assignment, at).model_copy(update={"accepted_at": at})


def finished(assignment: Assignment, at: datetime, proof: tuple[str, ...]) -> Assignment:
    """The department says that the work is done; the last time it says so counts."""
    limit = assignment.limits[-1]
    late = None if limit.due_at is None else at > limit.due_at
    finished_limit = _stop_limit(limit, at).model_copy(update={"finished_at": at, "late": late})
    return _replace_last_limit(assignment, finished_limit).model_copy(update={"proof": proof})


def inspection_failed(assignment: Assignment) -> Assignment:
    """The inspection failed: the deadline stays."""
    return assignment.model_copy(update={"reworks": assignment.reworks + 1})


def ended(assignment: Assignment, at: datetime, **fields: object) -> Assignment:
    """The department has it no more: its clocks stand where they are, and what they showed stays with it."""
    stopped = _replace_last_limit(_stop_accept_limit(assignment, at), _stop_limit(assignment.limits[-1], at))
    return replace_unvalidated(stopped, **fields)


def reopened(assignment: Assignment, limit: Limit) -> Assignment:
    """The same department has it again, under a limit of its own."""
    return assignment.model_copy(update={"limits": (*assignment.limits, limit)})


def refiled(assignment: Assignment, limit: Limit) -> Assignment:
    """Another catalogue row's limit runs from where the first began; what was finished is judged by it anew."""
    previous = assignment.limits[-1]
    late = None if limit.due_at is None or previous.finished_at is None else previous.finished_at > limit.due_at
    return _replace_last_limit(assignment, limit.model_copy(update={"finished_at": previous.finished_at, "late": late}))


def accept_overdue(assignment: Assignment) -> Assignment:
    """The accept clock ran out."""
    return assignment.model_copy(update={"accept_overdue_at": assignment.accept_by})


def handling_overdue(assignment: Assignment) -> Assignment:
    """The handling clock ran out."""
    limit = assignment.limits[-1]
    return _replace_last_limit(assignment, limit.model_copy(update={"overdue_at": limit.due_at}))


def _stop_accept_limit(assignment: Assignment, at: datetime) -> Assignment:
    # Judged by the deed's stamp: a timer that was read first, or not yet, makes no difference to what is kept.
    if assignment.accepted_at is not None:
        return assignment
    return assignment.model_copy(update={"accept_overdue_at": _overdue_since(assignment.accept_by, at)})


def _stop_limit(limit: Limit, at: datetime) -> Limit:
    return limit.model_copy(update={"overdue_at": _overdue_since(limit.due_at, at)})


def _overdue_since(due_at: datetime | None, at: datetime) -> datetime | None:
    return due_at if due_at is not None and at > due_at else None


def _replace_last_limit(assignment: Assignment, limit: Limit) -> Assignment:
    limits = (*assignment.limits[:-1], limit)
    overdue_at = next((each.overdue_at for each in limits if each.overdue_at is not None), None)
    return assignment.model_copy(update={"limits": limits, "overdue_at": overdue_at})
