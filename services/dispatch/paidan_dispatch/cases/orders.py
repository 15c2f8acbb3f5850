"""What departments are told when a case moves: orders issued, changed, withdrawn, urged, and answers refused."""

from collections.abc import Iterator, Sequence
from typing import Final

from paidan_contracts.actions import ActionRequested
from paidan_contracts.cases import (
    CaseClosed,
    CaseDispatched,
    CaseEvent,
    CaseFiled,
    CaseMerged,
    CaseReopened,
    CaseReturned,
    CaseReworked,
    CaseUrged,
    CaseVoided,
)
from paidan_contracts.orders import (
    AnswerRefused,
    Order,
    OrderChanged,
    OrderEvent,
    OrderIssued,
    OrderUrged,
    OrderWithdrawn,
)
from paidan_contracts.outcomes import Why
from paidan_contracts.state import Assignment, CaseState
from paidan_contracts.unvalidated import unchecked
from paidan_dispatch.cases.assignment_updates import LIVE
from paidan_dispatch.cases.policy import Bylaws

_issued: Final = unchecked(OrderIssued)
_has_changed: Final = unchecked(OrderChanged)
_is_withdrawn: Final = unchecked(OrderWithdrawn)
_urged: Final = unchecked(OrderUrged)
_order_as_it_stands: Final = unchecked(Order)


def messages(before: CaseState | None, events: Sequence[CaseEvent], bylaws: Bylaws) -> list[OrderEvent]:
    """Write what the steps mean to departments, in order; each goes to the topic of its ``order.department``.

    An imported past tells nobody.
    """
    told: list[OrderEvent] = []
    for event in events:
        if not event.state.past:
            told.extend(_told(before, event, bylaws))
        before = event.state
    return told


def refused(request: ActionRequested, why: Why) -> AnswerRefused | None:
    """Tell a department (``request.actor.id``) why its answer was not taken; None: nobody waits on an orders topic."""
    if request.actor.kind != "department" or request.door != "kafka":
        return None
    return AnswerRefused(
        action_id=request.action_id,
        your_id=request.sender_ref,
        case_id=request.case_id,
        answer_partition=request.answer_partition,
        answer_offset=request.answer_offset,
        why=why,
        recorded_at=request.recorded_at,
    )


def _told(before: CaseState | None, event: CaseEvent, bylaws: Bylaws) -> Iterator[OrderEvent]:
    state, at = event.state, event.recorded_at
    had = before if before is not None and before.status in LIVE else None
    match event:
        case CaseDispatched():
            if had is not None:
                taken = _order(state, state.assignments[-2], bylaws)
                yield _is_withdrawn(order=taken, recorded_at=at, because="redispatched")
            yield _issued(order=newest(state, bylaws), recorded_at=at)
        case CaseReopened():
            yield _has_changed(order=newest(state, bylaws), recorded_at=at, because="reopened")
        case CaseUrged(reason=reason):
            yield _urged(order=newest(state, bylaws), recorded_at=at, reason=reason)
        case CaseMerged() | CaseFiled() | CaseReworked() if had is not None:
            yield _changed(event, newest(state, bylaws))
        case CaseReturned() | CaseVoided() | CaseClosed() if had is not None:
            yield _withdrawn(event, newest(state, bylaws))
        case _:
            return


def _changed(event: CaseMerged | CaseFiled | CaseReworked, order: Order) -> OrderChanged:
    match event:
        case CaseMerged():
            return _has_changed(order=order, recorded_at=event.recorded_at, because="merged")
        case CaseFiled():
            return _has_changed(order=order, recorded_at=event.recorded_at, because="refiled")
        case CaseReworked(reason=reason):
            return _has_changed(order=order, recorded_at=event.recorded_at, because="rework", reason=reason)


def _withdrawn(event: CaseReturned | CaseVoided | CaseClosed, order: Order) -> OrderWithdrawn:
    match event:
        case CaseReturned(reason=reason):
            return _is_withdrawn(order=order, recorded_at=event.recorded_at, because="returned", reason=reason)
        case CaseVoided(reason=reason):
            return _is_withdrawn(order=order, recorded_at=event.recorded_at, because="voided", reason=reason)
        case CaseClosed(reason=reason):
            return _is_withdrawn(order=order, recorded_at=event.recorded_at, because="closed", reason=reason)


def newest(state: CaseState, bylaws: Bylaws) -> Order:
    """Write the order of a case's newest assignment as it stands now."""
    return _order(state, state.assignments[-1], bylaws)


def _order(state: CaseState, turn: Assignment, bylaws: Bylaws) -> Order:
    row = bylaws.city.rows.get(state.row_id) if state.row_id else None
    return _order_as_it_stands(
        order_id=turn.order_id,
        case_id=state.case_id,
        version=state.version,
        department=turn.department,
        class_code=state.class_code,
        row_id=state.row_id,
        closing_condition=row.closing.en if row else None,
        closing_condition_zh=row.closing.zh if row else None,
        text=state.text,
        place=state.place,
        photos=state.photos,
        reports=state.reports,
        round=state.round,
        dispatched_at=turn.dispatched_at,
        accept_by=turn.accept_by,
        due_at=turn.limits[-1].due_at,
        rule=turn.placed_by.rule,
    )
