"""Reads the facts of a case, and of each department's turn with it, off the case's public state. Numbers: see bits."""

from typing import Final

from paidan_contracts.actions import Rating
from paidan_contracts.city.conditions import Fact
from paidan_scoring.case_events import AssignmentSeen, StateSeen
from paidan_scoring.fact_bits import BIT

_ENDED: Final[dict[str, Fact]] = {"voided": "voided", "not_accepted": "not_accepted", "closed": "closed"}
_RATED: Final[dict[Rating, Fact]] = {
    "satisfied": "satisfied",
    "basically_satisfied": "basically_satisfied",
    "dissatisfied": "dissatisfied",
}
_WORK_STANDS: Final = frozenset({"inspecting", "closed"})


def of_case(state: StateSeen) -> int:
    """Say what holds of the case as a whole; put down on the current row alone, so that no sum counts it twice."""
    facts = BIT["current"] | BIT[_ENDED.get(state.status, "open")]
    if state.row_id is not None:
        facts |= BIT["filed"]
    if state.reopened:
        facts |= BIT["reopened"]
    if state.recurrence_of is not None:
        facts |= BIT["recurring"]
    if state.reports > 1:
        facts |= BIT["repeated"]
    if state.urged:
        facts |= BIT["urged"]
    if state.past:
        facts |= BIT["imported"]
    return facts | _rating(state)


def of_turn(turn: AssignmentSeen) -> int:
    """Say what holds of a department's turn, whether it is the last one or not."""
    facts = BIT["dispatched"]
    if turn.accepted_at is not None:
        facts |= BIT["accepted"]
    if turn.limits and turn.limits[-1].due_at is not None:
        facts |= BIT["limited"]
    if turn.overdue_at is not None or any(limit.late for limit in turn.limits):
        facts |= BIT["overdue"]
    if _accepted_late(turn):
        facts |= BIT["accepted_late"]
    if turn.reworks:
        facts |= BIT["reworked"]
    if turn.returned_at is not None:
        facts |= BIT["returned"]
    return facts


def of_last_turn(turn: AssignmentSeen, state: StateSeen) -> int:
    """Say what became of the work. An earlier turn's work never stands: the order went to somebody else."""
    limit = turn.limits[-1] if turn.limits else None
    if limit is None or limit.finished_at is None or state.status not in _WORK_STANDS:
        return 0
    if limit.late is None:
        return BIT["handled"]
    return BIT["handled"] | (BIT["late"] if limit.late else BIT["on_time"])


def of_earlier_turn(turn: AssignmentSeen) -> int:
    """Say how a turn ended that was followed by another: by the department's return, or taken from it (重派)."""
    return BIT["resent"] if turn.withdrawn_at is not None else 0


def _accepted_late(turn: AssignmentSeen) -> bool:
    if turn.accept_overdue_at is not None:
        return True
    return turn.accepted_at is not None and turn.accept_by is not None and turn.accepted_at > turn.accept_by


def _rating(state: StateSeen) -> int:
    """Give what the resident said last; no answer is no rating."""
    if not state.called_back:
        return 0
    said = _RATED.get(state.called_back[-1].rating)
    return BIT["rated"] | BIT[said] if said else 0
