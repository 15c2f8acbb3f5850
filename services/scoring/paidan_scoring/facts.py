"""Reads the facts of a case, and of each department's turn with it, off the case's public state. Numbers: see bits."""

from typing import Final

from paidan_contracts.actions import Rating
from paidan_contracts.city.conditions import Fact
from paidan_scoring.case_events import PartialAssignment, PartialState
from paidan_scoring.fact_bits import FACT_BIT

_END_FACTS: Final[dict[str, Fact]] = {"voided": "voided", "not_accepted": "not_accepted", "closed": "closed"}
_RATING_FACTS: Final[dict[Rating, Fact]] = {
    "satisfied": "satisfied",
    "basically_satisfied": "basically_satisfied",
    "dissatisfied": "dissatisfied",
}
_HANDLED_STATUSES: Final = frozenset({"inspecting", "closed"})


def case_facts(state: PartialState) -> int:
    """Say what holds of the case as a whole; put down on the current row alone, so that no sum counts it twice."""
    facts = FACT_BIT["current"] | FACT_BIT[_END_FACTS.get(state.status, "open")]
    if state.row_id is not None:
        facts |= FACT_BIT["filed"]
    if state.reopened:
        facts |= FACT_BIT["reopened"]
    if state.recurrence_of is not None:
        facts |= FACT_BIT["recurring"]
    if state.reports > 1:
        facts |= FACT_BIT["repeated"]
    if state.urged:
        facts |= FACT_BIT["urged"]
    if state.past:
        facts |= FACT_BIT["imported"]
    return facts | _rating_facts(state)


def assignment_facts(assignment: PartialAssignment) -> int:
    """Say what holds of a department's turn, whether it is the last one or not."""
    facts = FACT_BIT["dispatched"]
    if assignment.accepted_at is not None:
        facts |= FACT_BIT["accepted"]
    if assignment.limits and assignment.limits[-1].due_at is not None:
        facts |= FACT_BIT["limited"]
    if assignment.overdue_at is not None or any(limit.late for limit in assignment.limits):
        facts |= FACT_BIT["overdue"]
    if _accepted_late(assignment):
        facts |= FACT_BIT["accepted_late"]
    if assignment.reworks:
        facts |= FACT_BIT["reworked"]
    if assignment.returned_at is not None:
        facts |= FACT_BIT["returned"]
    return facts


def last_assignment_facts(assignment: PartialAssignment, state: PartialState) -> int:
    """Say what became of the work. An earlier turn's work never stands: the order went to somebody else."""
    limit = assignment.limits[-1] if assignment.limits else None
    if limit is None or limit.finished_at is None or state.status not in _HANDLED_STATUSES:
        return 0
    if limit.late is None:
        return FACT_BIT["handled"]
    return FACT_BIT["handled"] | (FACT_BIT["late"] if limit.late else FACT_BIT["on_time"])


def earlier_assignment_facts(assignment: PartialAssignment) -> int:
    """Say how a turn ended that was followed by another: by the department's return, or taken from it (重派)."""
    return FACT_BIT["resent"] if assignment.withdrawn_at is not None else 0


def _accepted_late(assignment: PartialAssignment) -> bool:
    if assignment.accept_overdue_at is not None:
        return True
    return (
        assignment.accepted_at is not None
        and assignment.accept_by is not None
        and assignment.accepted_at > assignment.accept_by
    )


def _rating_facts(state: PartialState) -> int:
    """Give what the resident said last; no answer is no rating."""
    if not state.called_back:
        return 0
    rating = _RATING_FACTS.get(state.called_back[-1].rating)
    return FACT_BIT["rated"] | FACT_BIT[rating] if rating else 0
