"""派遣: which department must act on a case, by rule or by hand, and the order it gets with its deadlines."""

from dataclasses import dataclass
from datetime import datetime
from typing import Final, NamedTuple, TypedDict

from paidan_contracts import ids
from paidan_contracts.actions import Assign, Redispatch
from paidan_contracts.assignments import Assignment, Helper, RuleRef
from paidan_contracts.cases import CaseDispatched, CaseHeld
from paidan_contracts.city import Routed, RoutingInput
from paidan_contracts.city.calendar import CalendarExhausted
from paidan_contracts.city.catalogue import CatalogueRow
from paidan_contracts.state import CaseState, Status
from paidan_contracts.unvalidated import unvalidated_constructor
from paidan_dispatch.cases.bilingual import Bilingual
from paidan_dispatch.cases.case_state import (
    ASSIGNED_STATUSES,
    ActResult,
    Provenance,
    end_assignment,
    event_fields,
    next_limit,
    next_state,
)
from paidan_dispatch.cases.complaints import excluded_departments, handles_own_complaint, is_barred
from paidan_dispatch.cases.emergencies import Subject, under_emergencies
from paidan_dispatch.cases.policy import CityPolicy, Unfiled, select_row
from paidan_dispatch.cases.refusals import build_refusal, unknown_name
from paidan_dispatch.cases.transitions.helper_orders import appoint
from paidan_dispatch.cases.unit_rights import assignment_refusal

# Every part comes from a state, a request or the pack, which were validated when they came in.
_new_dispatched: Final = unvalidated_constructor(CaseDispatched)
_new_held: Final = unvalidated_constructor(CaseHeld)
_new_assignment: Final = unvalidated_constructor(Assignment)

_NO_RULE: Final = Bilingual("No routing rule covers it.", "没有派遣规则适用。")
_NO_POSITION: Final = Bilingual(
    "Its position and its district are missing, and the rules for its class go by them.",
    "缺少位置和所在区，而该类别按所在地派遣。",
)
_NO_STREET: Final = Bilingual(
    "No routing rule covers it by its district alone: its street is missing.",
    "仅凭所在区没有适用的派遣规则：缺少所在街道。",
)
_OUTSIDE_DISTRICTS: Final = Bilingual(
    "Its position lies in no district of the city, and the rules for its class go by the district.",
    "位置不在本市任何区内，而该类别按所在区派遣。",
)
_NO_OWNER: Final = Bilingual("Its record names no owner that the city knows.", "记录中没有本市已知的责任单位。")


class Assigned(NamedTuple):
    """The department that must act, and the rule that chose it."""

    department: str
    placed_by: RuleRef
    helpers: tuple[str, ...] | None = None
    """The departments that the rule names beside it; None, by hand: those that help already go on."""
    reason: str = ""


@dataclass(frozen=True, slots=True)
class NoRoute:
    """No department was found; a person must choose one."""

    reason: Bilingual


def route_or_hold(state: CaseState, provenance: Provenance, policy: CityPolicy) -> CaseDispatched | CaseHeld:
    """Dispatch a filed case by rule, or hold it for the hard-to-place queue with the reason. The step has no actor."""
    rule_provenance = provenance.without_actor()
    placed = place_by_rule(state, rule_provenance.recorded_at, policy)
    if isinstance(placed, NoRoute):
        return hold(state, rule_provenance, placed)
    assigned, assignment = placed
    return _dispatch(state, rule_provenance, assigned, assignment)


def place_by_rule(state: CaseState, at: datetime, policy: CityPolicy) -> tuple[Assigned, Assignment] | NoRoute:
    """Choose the department of a filed case by rule, and set its limits."""
    try:
        result = _route(state, at, policy)
        return (result, _build_assignment(state, result, at, policy)) if isinstance(result, Assigned) else result
    except CalendarExhausted:
        return NoRoute(policy.calendar_covers)


def assign(state: CaseState, action: Assign | Redispatch, provenance: Provenance, policy: CityPolicy) -> ActResult:
    """派遣, 重派: dispatch the case by hand. Raises ``CalendarExhausted``."""
    department = action.department
    if department not in policy.city.departments:
        return unknown_name(state, "department", department, policy.city.departments)
    if is_barred(state, department, policy.city):
        return handles_own_complaint(state, policy.city.departments[department].names)
    if state.status in ASSIGNED_STATUSES and department == state.department:
        names = policy.city.departments[department].names
        text = Bilingual(f"It is with {names.en} already.", f"案件已在{names.zh}。")
        return build_refusal(state, "not_allowed_in_state", text, "action.department")
    refusal = assignment_refusal(state, department, provenance.actor, policy.city)
    if refusal is not None:
        return refusal
    assigned = Assigned(department, policy.rule_ref("by_hand"), reason=action.reason)
    assignment = _build_assignment(state, assigned, provenance.recorded_at, policy)
    return [_dispatch(state, provenance, assigned, assignment)]


def hold(state: CaseState, provenance: Provenance, found: NoRoute) -> CaseHeld:
    """Let a filed case wait for a person who chooses its department. ``provenance`` has no actor."""
    reason = found.reason.joined()
    after = next_state(state, provenance, status="filed", held_because=reason)
    return _new_held(**event_fields(after, provenance), reason=reason)


def handling_deadline(
    state: CaseState, row: CatalogueRow | None, began_at: datetime, policy: CityPolicy
) -> datetime | None:
    """Return when the work must be done: as an imported record promised, else as the row or the city limits it."""
    if state.past:
        return state.promised_by
    limit = policy.handling_limit(row)
    return policy.deadline(began_at, limit) if limit else None


def _route(state: CaseState, at: datetime, policy: CityPolicy) -> Assigned | NoRoute:
    """Apply the first rule that covers the case, by the city's local time; rules are tried in the pack's order.

    A department that returned the case is skipped; after as many returns as the city allows, a person must decide.
    """
    # A case without a row has no owner yet; but an imported record's owner is known without its class.
    if state.filed_by is None and not state.past:
        filing = select_row(state.class_code, state.suggested_row, policy)
        if isinstance(filing, Unfiled):
            return NoRoute(filing.reason)
    if state.past:
        return _route_by_record(state, policy)
    if state.hops >= policy.city.clocks.returns_before_adjudication:
        return NoRoute(_returned_text(state.hops))
    routed = policy.city.rule_index.route(_routing_input(state, at, policy))
    if not isinstance(routed, Routed):
        return NoRoute(_why_unrouted(state, policy))
    helpers = routed.helpers
    if state.complained_of is not None and helpers:
        helpers = tuple(each for each in helpers if not is_barred(state, each, policy.city))
    return Assigned(routed.department, policy.rule_ref(routed.rule), helpers)


def _why_unrouted(state: CaseState, policy: CityPolicy) -> Bilingual:
    """Return what keeps the rules from choosing: perhaps no more than an unknown place."""
    place, rules = state.place, policy.city.rule_index
    if place.district:
        is_street_missing = place.street is None and rules.asks_for_street(state.class_code)
        return _NO_STREET if is_street_missing else _NO_RULE
    if not rules.asks_for_place(state.class_code):
        return _NO_RULE
    # Intake keeps what is no place in the city in ``raw`` alone.
    return _NO_POSITION if place.latitude is None and place.raw is None else _OUTSIDE_DISTRICTS


def _route_by_record(state: CaseState, policy: CityPolicy) -> Assigned | NoRoute:
    if state.department is None or state.hops:
        return NoRoute(_NO_OWNER)
    return Assigned(state.department, policy.rule_ref("by_record"))


def _routing_input(state: CaseState, at: datetime, policy: CityPolicy) -> RoutingInput:
    row = policy.city.rows.get(state.row_id or "")
    return RoutingInput(
        class_code=state.class_code,
        place=policy.place_codes(state.place, with_areas=policy.city.rule_index.asks_for_areas(state.class_code)),
        channel=state.channel,
        source=state.source,
        at=at,
        condition=row.condition if row else None,
        owner=state.suggested_owner,
        matter=state.matter,
        declined=excluded_departments(state, policy.city) if state.hops or state.complained_of else frozenset(),
    )


def _returned_text(times: int) -> Bilingual:
    return Bilingual(
        f"It was returned {times} times: one unit must be appointed.", f"已退单 {times} 次，须审定责任单位。"
    )


def _dispatch(state: CaseState, provenance: Provenance, assigned: Assigned, assignment: Assignment) -> CaseDispatched:
    after = next_state(state, provenance, **assigned_fields(state, assigned, assignment))
    return _new_dispatched(
        **event_fields(after, provenance),
        department=assigned.department,
        order_id=assignment.order_id,
        placed_by=assigned.placed_by,
        due_at=assignment.limits[-1].due_at,
        reason=assigned.reason,
    )


class AssignedFields(TypedDict):
    """Fields of the state that change as an assignment begins."""

    status: Status
    department: str
    held_because: None
    assignments: tuple[Assignment, ...]
    helpers: tuple[Helper, ...]


def assigned_fields(state: CaseState, assigned: Assigned, assignment: Assignment) -> AssignedFields:
    """Return the fields that change as an assignment begins; one that is still valid ends as withdrawn."""
    assignments, helpers, at = state.assignments, state.helpers, assignment.dispatched_at
    if state.status in ASSIGNED_STATUSES:
        assignments = end_assignment(state, at, withdrawn_at=at)
    if helpers or assigned.helpers:
        helpers = appoint(state, assigned.helpers, assignment)
    return {
        "status": "dispatched",
        "department": assigned.department,
        "held_because": None,
        "assignments": (*assignments, assignment),
        "helpers": helpers,
    }


def _build_assignment(state: CaseState, assigned: Assigned, at: datetime, policy: CityPolicy) -> Assignment:
    row = policy.city.rows.get(state.row_id or "")
    number = len(state.assignments) + 1
    accept_by = None if state.past else policy.deadline(at, policy.accept_limit(row))
    assignment = _new_assignment(
        number=number,
        order_id=ids.order_id(state.case_id, number),
        department=assigned.department,
        placed_by=assigned.placed_by,
        dispatched_at=at,
        accept_by=accept_by,
        accept_warn_at=policy.warn_at(at, accept_by),
        limits=(next_limit(state, at, handling_deadline(state, row, at, policy), policy),),
        proofs_checked=True,
        reason=assigned.reason,
    )
    if not policy.emergencies or state.past:
        return assignment
    return under_emergencies(assignment, Subject(state.class_code, state.place, row), policy)
