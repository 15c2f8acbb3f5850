"""Order events for departments: orders issued, changed, withdrawn and urged, and answers refused."""

from collections.abc import Iterator, Sequence
from typing import Any, Final

from paidan_contracts.actions import ActionRequested
from paidan_contracts.assignments import Assignment, Helper, UnitOrder, open_unit_order
from paidan_contracts.case_event import CaseEvent
from paidan_contracts.cases import (
    CaseDispatched,
    CaseHelperAnswered,
    CaseOpened,
    CaseUrged,
    Dispatch,
)
from paidan_contracts.clock_events import CaseClockWarned
from paidan_contracts.escalation_events import CaseEscalated
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
from paidan_contracts.state import CaseState, Status
from paidan_contracts.unvalidated import unvalidated_constructor
from paidan_dispatch.cases.bilingual import Bilingual
from paidan_dispatch.cases.case_state import ASSIGNED_STATUSES, OPEN_STATUSES, is_active
from paidan_dispatch.cases.ladder import told_levels
from paidan_dispatch.cases.order_changes import (
    WITHDRAWN_BECAUSE,
    OrderChange,
    change_of_helper,
    change_of_lead,
    ends_help,
)
from paidan_dispatch.cases.policy import CityPolicy
from paidan_dispatch.cases.unit_messages import events_of_units, order_of_unit

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
            if event.state.helpers:
                result.extend(_events_of_helpers(previous, event, policy))
            assignments = event.state.assignments
            # What an earlier assignment handed on ends with it: most cases have had one, and nothing of it to tell.
            if assignments and (assignments[-1].handed_on or len(assignments) > 1):
                result.extend(events_of_units(previous, event, current_order(event.state, policy), policy))
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
        case CaseOpened(dispatched=Dispatch()):
            yield _new_order_issued(order=current_order(state, policy), recorded_at=at)
        case CaseDispatched():
            if assigned_before is not None:
                previous_order = _build_order(state, state.assignments[-2], policy)
                yield _new_order_withdrawn(
                    order=previous_order, recorded_at=at, because="redispatched", reason=event.reason
                )
            yield _new_order_issued(order=current_order(state, policy), recorded_at=at)
        case CaseUrged(reason=reason) | CaseEscalated(reason=reason) if assigned_before is not None:
            levels = event.levels if isinstance(event, CaseEscalated) else None
            yield _new_order_urged(order=current_order(state, policy), recorded_at=at, reason=reason, levels=levels)
        case CaseClockWarned(department=department, clock="accept" | "handle" | "plan_step") if (
            department == state.department is not None
        ):
            yield _new_order_urged(order=current_order(state, policy), recorded_at=at, reason=_soon_due(event, policy))
        case CaseEvent() if type(event) in WITHDRAWN_BECAUSE and assigned_before and state.status != "inspecting":
            yield _order_withdrawn(event, current_order(state, policy))
        case _:
            change = change_of_lead(event)
            if change is not None and (assigned_before is not None or change.because == "reopened"):
                yield _order_changed(event, current_order(state, policy), change)


def _events_of_helpers(previous: CaseState | None, event: CaseEvent, policy: CityPolicy) -> Iterator[OrderEvent]:
    """Yield the events of orders to help: each is issued once, changes as the lead's does, and ends with the case."""
    state, at = event.state, event.recorded_at
    before = {each.order_id: is_active(each) for each in previous.helpers} if previous is not None else {}
    for helper in state.helpers:
        was_active = before.get(helper.order_id)
        order = _build_helper_order(state, helper, policy)
        if was_active is None:
            yield _new_order_issued(order=order, recorded_at=at)
        elif was_active and helper.returned_at is not None:
            reason = event.text if isinstance(event, CaseHelperAnswered) else ""
            yield _new_order_withdrawn(order=order, recorded_at=at, because="returned", reason=reason)
        elif was_active and ends_help(event):
            yield _order_withdrawn(event, order)
        elif was_active and helper.withdrawn_at is not None:
            reason = event.reason if isinstance(event, CaseDispatched) else ""
            yield _new_order_withdrawn(order=order, recorded_at=at, because="redispatched", reason=reason)
        elif was_active and (change := change_of_helper(event)) is not None:
            yield _order_changed(event, order, change)
        elif was_active and isinstance(event, CaseClockWarned) and event.department == helper.department:
            yield _new_order_urged(order=order, recorded_at=at, reason=_soon_due(event, policy))


def _soon_due(event: CaseClockWarned, policy: CityPolicy) -> str:
    ends_at = policy.local_time(event.due_at)
    return Bilingual(f"The time limit ends at {ends_at}.", f"时限将于 {ends_at} 届满。").joined()


def _order_changed(event: CaseEvent, order: Order, change: OrderChange) -> OrderChanged:
    because, reason, report = change
    return _new_order_changed(order=order, recorded_at=event.recorded_at, because=because, reason=reason, report=report)


def _order_withdrawn(event: CaseEvent, order: Order) -> OrderWithdrawn:
    because, reason = WITHDRAWN_BECAUSE[type(event)], getattr(event, "reason", "")
    return _new_order_withdrawn(order=order, recorded_at=event.recorded_at, because=because, reason=reason)


def open_order_of(state: CaseState, department: str, policy: CityPolicy) -> Order | None:
    """Return the order that a department has in a case: to lead, to help, or handed on to it; None if it has none."""
    if state.past:
        return None
    if state.department == department and state.status not in ("received", "filed"):
        return current_order(state, policy)
    helper = next((each for each in state.helpers if each.department == department and is_active(each)), None)
    if helper is not None:
        return _build_helper_order(state, helper, policy)
    handed_on = open_unit_order(state.assignments)
    if handed_on is None or handed_on.unit != department:
        return None
    return order_of_unit(handed_on, current_order(state, policy), policy.city)


def status_for(state: CaseState, order: Order) -> Status:
    """Return the case's status as the order's holder sees it: a helper's and a unit's follow from their own answers."""
    handed_on = state.assignments[-1].handed_on if state.assignments else ()
    parts: tuple[Helper | UnitOrder, ...] = (*state.helpers, *handed_on)
    helper = next((each for each in parts if each.order_id == order.order_id), None)
    if helper is None or state.status not in OPEN_STATUSES:
        return state.status
    if helper.finished_at is not None:
        return "inspecting"
    return "handling" if helper.accepted_at is not None else "dispatched"


def current_order(state: CaseState, policy: CityPolicy) -> Order:
    """Return the order of a case's last assignment as it is now."""
    return _build_order(state, state.assignments[-1], policy)


def _build_order(state: CaseState, assignment: Assignment, policy: CityPolicy) -> Order:
    helpers = tuple(each.department for each in state.helpers if is_active(each)) if state.helpers else ()
    return _order_of(
        state,
        policy,
        order_id=assignment.order_id,
        department=assignment.department,
        helpers=helpers,
        dispatched_at=assignment.dispatched_at,
        accept_by=assignment.accept_by,
        due_at=assignment.limits[-1].due_at,
        **_held_inside(assignment),
        rule=assignment.placed_by.rule,
        reason=assignment.reason,
    )


def _held_inside(assignment: Assignment) -> dict[str, str | None]:
    """Return to whom the department has handed the order on."""
    order = assignment.handed_on[-1] if assignment.handed_on else None
    return {"unit": order.unit, "person": order.person} if order is not None and order.is_open else {}


def _build_helper_order(state: CaseState, helper: Helper, policy: CityPolicy) -> Order:
    return _order_of(
        state,
        policy,
        order_id=helper.order_id,
        department=helper.department,
        role="helper",
        lead=state.department,
        dispatched_at=helper.dispatched_at,
        accept_by=helper.accept_by,
        due_at=helper.due_at,
        rule=helper.placed_by.rule,
    )


def _order_of(state: CaseState, policy: CityPolicy, **own: Any) -> Order:  # noqa: ANN401 - fields of the order
    row = policy.city.rows.get(state.row_id or "")
    promise = state.time_limits.promise if state.time_limits is not None else None
    return _new_order(
        case_id=state.case_id,
        version=state.version,
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
        numbers=state.numbers,
        notes=state.notes,
        round=state.round,
        promised_by=promise.due_at if promise is not None and promise.ended_at is None else None,
        escalations=told_levels(state, policy) if state.escalation is not None else None,
        **own,
    )
