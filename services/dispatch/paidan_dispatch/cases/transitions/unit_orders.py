"""二级派遣: a department hands its order on to a unit or a person inside it, which answers to the department."""

from datetime import datetime
from typing import Final, cast

from paidan_contracts import ids
from paidan_contracts.actions import Actor
from paidan_contracts.assignments import UnitOrder, open_unit_order
from paidan_contracts.case_event import CaseEvent
from paidan_contracts.city import City
from paidan_contracts.clock_events import CaseClockWarned, CaseOverdue
from paidan_contracts.department_actions import Accept, Finish, Return
from paidan_contracts.inbox import TimerDue
from paidan_contracts.nearest import nearest
from paidan_contracts.outcomes import Refusal
from paidan_contracts.state import CaseState
from paidan_contracts.unit_actions import Confirm, HandOn
from paidan_contracts.unit_events import CaseHandedOn, CaseUnitAnswered, CaseUnitReworked
from paidan_contracts.unvalidated import replace_unvalidated, unvalidated_constructor
from paidan_dispatch.cases import refusals
from paidan_dispatch.cases.bilingual import Bilingual
from paidan_dispatch.cases.case_state import (
    ActResult,
    Provenance,
    event_fields,
    next_state,
    replace_assignment,
    replace_unit_order,
)
from paidan_dispatch.cases.complaints import handles_own_complaint, is_barred
from paidan_dispatch.cases.policy import CityPolicy
from paidan_dispatch.cases.timers import UNIT_HANDLE, WARNING
from paidan_dispatch.cases.transitions import fulfilment
from paidan_dispatch.cases.transitions.helper_orders import find_helper
from paidan_dispatch.cases.unit_rights import enforcement_refusal

_new_order: Final = unvalidated_constructor(UnitOrder)
_new_handed_on: Final = unvalidated_constructor(CaseHandedOn)
_new_answered: Final = unvalidated_constructor(CaseUnitAnswered)
_new_reworked: Final = unvalidated_constructor(CaseUnitReworked)
_new_overdue: Final = unvalidated_constructor(CaseOverdue)
_new_warned: Final = unvalidated_constructor(CaseClockWarned)


def has_unit_order(state: CaseState, unit: str) -> bool:
    """Return whether an order is handed on to a unit, and is still its."""
    order = open_unit_order(state.assignments)
    return order is not None and order.unit == unit


def acting_unit(state: CaseState, actor: Actor | None, action: Accept | Return | Finish) -> UnitOrder | Refusal | None:
    """Return the order handed on for which an answer is given: by the unit, by the person, or by the bureau for it.

    None: the department answers for itself. Refused is an answer for a unit that has no order.
    """
    if actor is None or actor.kind != "department":
        return None
    order = open_unit_order(state.assignments)
    unit = action.unit if action.unit is not None else actor.id
    if order is not None and order.unit == unit and actor.id in (unit, state.department):
        is_persons = actor.person is not None and actor.person == order.person
        return order if unit != state.department or action.unit is not None or is_persons else None
    if unit == state.department:
        return None
    text = Bilingual(f"The unit {unit} has no order handed on to it here.", f"单位 {unit} 在本案中没有二级派遣单。")
    return refusals.build_refusal(state, "not_your_order", text, "action.unit", role="department")


def hand_on(state: CaseState, action: HandOn, provenance: Provenance, policy: CityPolicy) -> ActResult:
    """二级派遣: hand the order on; whoever had it inside the department before has it no more."""
    holder = cast("Actor", provenance.actor).id
    refusal = _state_refusal(state, action.kind) or _target_refusal(state, action, holder, policy.city)
    if refusal is not None:
        return refusal
    due_at = _due_at(state, action, provenance.recorded_at, policy)
    if isinstance(due_at, Refusal):
        return due_at
    if state.status != "dispatched":
        return [_handed_on(state, action, provenance, due_at)]
    if not policy.city.clocks.finish_without_accept:
        text = Bilingual("This city wants an order accepted before it is handed on.", "本市要求先签收，再二级派遣。")
        return refusals.build_refusal(state, "not_allowed_in_state", text, "action.kind", role="department")
    accepted = fulfilment.accept(state, provenance)
    return [*accepted, _handed_on(accepted[-1].state, action, provenance, due_at)]


def _handed_on(state: CaseState, action: HandOn, provenance: Provenance, due_at: datetime | None) -> CaseHandedOn:
    assignment, at = state.assignments[-1], provenance.recorded_at
    number = 1 + sum(len(each.handed_on) for each in state.assignments)
    order = _new_order(
        number=number,
        order_id=ids.unit_order_id(state.case_id, number),
        unit=action.unit,
        person=action.person,
        handed_on_by=cast("Actor", provenance.actor).id,
        handed_on_at=at,
        due_at=due_at,
        warn_at=provenance.policy.warn_at(at, due_at),
    )
    ended = replace_unit_order(assignment, at, withdrawn_at=at)
    changed = replace_unvalidated(ended, handed_on=(*ended.handed_on, order))
    after = next_state(state, provenance, assignments=replace_assignment(state, changed))
    return _new_handed_on(
        **event_fields(after, provenance),
        department=assignment.department,
        unit=order.unit,
        person=order.person,
        order_id=order.order_id,
        due_at=due_at,
        reason=action.reason,
    )


def answer(
    state: CaseState, order: UnitOrder, action: Accept | Return | Finish, provenance: Provenance, policy: CityPolicy
) -> ActResult:
    """Record a unit's answer to its own order; what it finished is the department's once that is confirmed."""
    at, assignment = provenance.recorded_at, state.assignments[-1]
    refusal = _state_refusal(state, action.kind) or _repeat_refusal(state, order, action, policy)
    if refusal is not None:
        return refusal
    match action:
        case Accept():
            changed = replace_unit_order(assignment, at, accepted_at=at)
        case Return(code=code):
            changed = replace_unit_order(assignment, at, returned_at=at, return_code=code)
        case Finish(text=text, proof=proof):
            missing = fulfilment.proof_missing(state, action, policy)
            if missing is not None:
                return missing
            done = {"accepted_at": order.accepted_at or at, "finished_at": at, "text": text, "proof": proof}
            if not policy.city.hand_on.confirmed:
                straight = replace_unit_order(assignment, at, confirmed_at=at, **done)
                return [fulfilment.finished(state, straight, action, provenance, unit=order.unit)]
            changed = replace_unit_order(assignment, at, **done)
    after = next_state(state, provenance, assignments=replace_assignment(state, changed))
    return [_answered(after, order, action, provenance)]


def confirm(state: CaseState, action: Confirm, provenance: Provenance, policy: CityPolicy) -> ActResult:
    """确认: the unit's work becomes the department's, which thereby finishes; or the unit goes on under its limit."""
    order, assignment = open_unit_order(state.assignments), state.assignments[-1]
    if cast("Actor", provenance.actor).id != state.department:
        return refusals.NOT_YOUR_ORDER
    if order is None or order.finished_at is None:
        text = Bilingual("No unit has reported work that waits to be confirmed.", "没有待确认的二级派遣处置结果。")
        return refusals.build_refusal(state, "not_allowed_in_state", text, "action.kind", role="department")
    if action.confirmed:
        confirmed = replace_unit_order(assignment, provenance.recorded_at, confirmed_at=provenance.recorded_at)
        work = Finish(text=order.text, proof=order.proof)
        return [fulfilment.finished(state, confirmed, work, provenance, unit=order.unit)]
    goes_on = replace_unvalidated(order, finished_at=None, reworks=order.reworks + 1)
    changed = replace_unvalidated(assignment, handed_on=(*assignment.handed_on[:-1], goes_on))
    after = next_state(state, provenance, assignments=replace_assignment(state, changed))
    department = assignment.department
    return [
        _new_reworked(**event_fields(after, provenance), department=department, unit=order.unit, reason=action.reason)
    ]


def overdue(state: CaseState, provenance: Provenance, timer: TimerDue) -> CaseOverdue | CaseClockWarned:
    """超时: a unit's own limit has passed, or soon will; the department's runs on."""
    assignment = state.assignments[-1]
    order = assignment.handed_on[-1]
    due_at = order.due_at or provenance.recorded_at
    is_warning = timer.kind.endswith(WARNING)
    marked = replace_unvalidated(order, **({"warn_at": None} if is_warning else {"overdue_at": due_at}))
    changed = replace_unvalidated(assignment, handed_on=(*assignment.handed_on[:-1], marked))
    after = next_state(state, provenance, assignments=replace_assignment(state, changed))
    new = _new_warned if is_warning else _new_overdue
    return new(**event_fields(after, provenance), department=order.unit, clock=UNIT_HANDLE, due_at=due_at)


def _state_refusal(state: CaseState, kind: str) -> Refusal | None:
    allowed = ("dispatched", "handling") if kind == "hand_on" else ("handling",)
    return None if state.status in allowed else refusals.not_allowed_in_state(state, kind, "department")


def _target_refusal(state: CaseState, action: HandOn, holder: str, city: City) -> Refusal | None:
    order, unit = open_unit_order(state.assignments), action.unit
    if holder not in (state.department, order.unit if order else None):
        return refusals.NOT_YOUR_ORDER
    targets = city.units.targets_of(holder)
    if unit not in targets and not (unit == holder and action.person is not None):
        hint = nearest(unit, targets)
        text = Bilingual(
            f"{unit} is no unit to which {holder} hands orders on{hint.en}: there are"
            f" {', '.join(targets) or 'none'}; a person of its own it names in person.",
            f"{unit} 不是 {holder} 可二级派遣的单位{hint.zh}：可派遣的有 {'、'.join(targets) or '（无）'}；"
            "派给本单位人员时须填写 person。",
        )
        return refusals.build_refusal(state, "unknown_department", text, "action.unit", role="department")
    if is_barred(state, unit, city):
        return handles_own_complaint(state, city.departments[unit].names, "action.unit")
    if find_helper(state, unit) is not None:
        text = Bilingual(f"{unit} has an order to help in this case already.", f"{unit} 已有本案的协办单。")
        return refusals.build_refusal(state, "not_allowed_in_state", text, "action.unit", role="department")
    if order is not None and (order.unit, order.person) == (unit, action.person):
        text = Bilingual(f"It is handed on to {unit} already.", f"案件已二级派遣给 {unit}。")
        return refusals.build_refusal(state, "not_allowed_in_state", text, "action.unit", role="department")
    return enforcement_refusal(state, unit, "action.unit", "department", city)


def _due_at(state: CaseState, action: HandOn, at: datetime, policy: CityPolicy) -> datetime | Refusal | None:
    outer = state.assignments[-1].limits[-1].due_at
    if action.due_at is None:
        row = policy.city.rows.get(state.row_id or "")
        limit = policy.handling_limit(row)
        return policy.share_until(at, outer, limit) if outer is not None and at < outer else None
    due_at = policy.in_city_time(action.due_at)
    if due_at <= at or (outer is not None and due_at >= outer):
        ends = policy.local_time(outer) if outer else ""
        text = Bilingual(
            f"The unit's limit ends after now{f' and before the department’s, {ends}' if ends else ''}.",
            f"下级时限须晚于当前时间{f'，并早于本单位时限 {ends}' if ends else ''}。",
        )
        return refusals.build_refusal(state, "invalid_field", text, "action.due_at", role="department")
    return due_at


def _repeat_refusal(
    state: CaseState, order: UnitOrder, action: Accept | Return | Finish, policy: CityPolicy
) -> Refusal | None:
    if not (isinstance(action, Accept) and order.accepted_at is not None):
        return None
    accepted_at = policy.local_time(order.accepted_at)
    text = Bilingual(
        f"This order was accepted at {accepted_at}; the unit may now finish it or hand it back.",
        f"该二级派遣单已于 {accepted_at} 签收，此时可做：处置完成、退回。",
    )
    return refusals.build_refusal(state, "not_allowed_in_state", text, "action.kind", role=None)


def _answered(
    after: CaseState, order: UnitOrder, action: Accept | Return | Finish, provenance: Provenance
) -> CaseEvent:
    fields = {**event_fields(after, provenance), "department": after.assignments[-1].department, "unit": order.unit}
    match action:
        case Accept():
            return _new_answered(**fields, answer="accepted")
        case Return(code=code, reason=reason):
            return _new_answered(**fields, answer="returned", code=code, text=reason)
        case Finish(text=text, proof=proof, latitude=latitude, longitude=longitude):
            place = {"latitude": latitude, "longitude": longitude}
            return _new_answered(**fields, answer="finished", text=text, proof=proof, **place)
