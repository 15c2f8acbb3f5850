"""Order events for departments: orders issued, changed, withdrawn and urged, and answers refused."""

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
from paidan_contracts.outcomes import Refusal
from paidan_contracts.state import Assignment, CaseState
from paidan_contracts.unvalidated import unvalidated_constructor
from paidan_dispatch.cases.case_state import ASSIGNED_STATUSES
from paidan_dispatch.cases.policy import CityPolicy

_new_order_issued: Final = unvalidated_constructor(OrderIssued)
_new_order_changed: Final = unvalidated_constructor(OrderChanged)
_new_order_withdrawn: Final = unvalidated_constructor(OrderWithdrawn)
_new_order_urged: Final = unvalidated_constructor(OrderUrged)
_new_order: Final = unvalidated_constructor(Order)


def order_events(previous: CaseState | None, events: Sequence[CaseEvent], policy: CityPolicy) -> list[OrderEvent]:
    """Return the order events that follow from case events, in order; each is for its ``order.department``.

    Imported cases have none.
    """
    result: list[OrderEvent] = []
    for event in events:
        if not event.state.past:
            result.extend(_events_of(previous, event, policy))
        previous = event.state
    return result


def answer_refused(request: ActionRequested, refusal: Refusal) -> AnswerRefused | None:
    """Return the refusal for the department (``request.actor.id``) that answered over Kafka; None for other senders."""
    if request.actor.kind != "department" or request.door != "kafka":
        return None
    return AnswerRefused(
        action_id=request.action_id,
        your_id=request.sender_ref,
        case_id=request.case_id,
        answer_partition=request.answer_partition,
        answer_offset=request.answer_offset,
        why=refusal,
        recorded_at=request.recorded_at,
    )


def _events_of(previous: CaseState | None, event: CaseEvent, policy: CityPolicy) -> Iterator[OrderEvent]:
    state, at = event.state, event.recorded_at
    assigned_before = previous if previous is not None and previous.status in ASSIGNED_STATUSES else None
    match event:
        case CaseDispatched():
            if assigned_before is not None:
                previous_order = _build_order(state, state.assignments[-2], policy)
                yield _new_order_withdrawn(order=previous_order, recorded_at=at, because="redispatched")
            yield _new_order_issued(order=current_order(state, policy), recorded_at=at)
        case CaseReopened():
            yield _new_order_changed(order=current_order(state, policy), recorded_at=at, because="reopened")
        case CaseUrged(reason=reason):
            yield _new_order_urged(order=current_order(state, policy), recorded_at=at, reason=reason)
        case CaseMerged() | CaseFiled() | CaseReworked() if assigned_before is not None:
            yield _order_changed(event, current_order(state, policy))
        case CaseReturned() | CaseVoided() | CaseClosed() if assigned_before is not None:
            yield _order_withdrawn(event, current_order(state, policy))
        case _:
            return


def _order_changed(event: CaseMerged | CaseFiled | CaseReworked, order: Order) -> OrderChanged:
    match event:
        case CaseMerged():
            return _new_order_changed(order=order, recorded_at=event.recorded_at, because="merged", report=event.report)
        case CaseFiled():
            return _new_order_changed(order=order, recorded_at=event.recorded_at, because="refiled")
        case CaseReworked(reason=reason):
            return _new_order_changed(order=order, recorded_at=event.recorded_at, because="rework", reason=reason)


def _order_withdrawn(event: CaseReturned | CaseVoided | CaseClosed, order: Order) -> OrderWithdrawn:
    match event:
        case CaseReturned(reason=reason):
            return _new_order_withdrawn(order=order, recorded_at=event.recorded_at, because="returned", reason=reason)
        case CaseVoided(reason=reason):
            return _new_order_withdrawn(order=order, recorded_at=event.recorded_at, because="voided", reason=reason)
        case CaseClosed(reason=reason):
            return _new_order_withdrawn(order=order, recorded_at=event.recorded_at, because="closed", reason=reason)


def current_order(state: CaseState, policy: CityPolicy) -> Order:
    """Return the order of a case's last assignment as it is now."""
    return _build_order(state, state.assignments[-1], policy)


def _build_order(state: CaseState, assignment: Assignment, policy: CityPolicy) -> Order:
    row = policy.city.rows.get(state.row_id or "")
    return _new_order(
        order_id=assignment.order_id,
        case_id=state.case_id,
        version=state.version,
        department=assignment.department,
        class_code=state.class_code,
        row_id=state.row_id,
        closing_condition=row.closing.en if row else None,
        closing_condition_zh=row.closing.zh if row else None,
        text=state.text,
        place=state.place,
        photos=state.photos,
        confidential=state.confidential,
        reports=state.reports,
        joined=state.joined,
        round=state.round,
        dispatched_at=assignment.dispatched_at,
        accept_by=assignment.accept_by,
        due_at=assignment.limits[-1].due_at,
        rule=assignment.placed_by.rule,
    )
