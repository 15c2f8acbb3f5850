"""更正: corrects what a running case says, with what follows for its limit, its route and its departments."""

from collections.abc import Mapping
from typing import Any, Final

from paidan_contracts.actions import Assign
from paidan_contracts.case_access import barred_units
from paidan_contracts.city import UNKNOWN_PLACE, City, PlaceCodes
from paidan_contracts.outcomes import Refusal
from paidan_contracts.places import Place
from paidan_contracts.record_actions import Correct
from paidan_contracts.record_events import CaseCorrected, FieldCorrection
from paidan_contracts.state import CaseState
from paidan_contracts.unvalidated import replace_unvalidated, unvalidated_constructor
from paidan_dispatch.cases.bilingual import Bilingual
from paidan_dispatch.cases.case_state import (
    ASSIGNED_STATUSES,
    ActResult,
    Provenance,
    event_fields,
    is_active,
    next_state,
    open_helpers,
)
from paidan_dispatch.cases.complaints import handles_own_complaint
from paidan_dispatch.cases.limit_requests import is_planned
from paidan_dispatch.cases.policy import CityPolicy, Filed, Unfiled, select_row
from paidan_dispatch.cases.refusals import build_refusal, unknown_name
from paidan_dispatch.cases.transitions.filing import filing_fields, judge_anew
from paidan_dispatch.cases.transitions.routing import assign, route_or_hold

_new_corrected: Final = unvalidated_constructor(CaseCorrected)
_new_correction: Final = unvalidated_constructor(FieldCorrection)

_NOTHING_NEW: Final = Bilingual(
    "It corrects nothing: the case says so already.", "没有需要更正的内容：案件现有内容与此相同。"
)
_NOT_ROUTED_BY: Final = frozenset({"address", "text", "department"})
"""Corrected fields that no routing rule asks for."""


def correct(state: CaseState, action: Correct, provenance: Provenance, policy: CityPolicy) -> ActResult:
    """更正: correct the case, then route it anew while it has no department. Raises ``CalendarExhausted``."""
    refusal = _refusal(state, action, policy)
    if refusal is not None:
        return refusal
    place = _corrected_place(state, action, policy.city)
    if isinstance(place, Refusal):
        return place
    filing = _corrected_filing(replace_unvalidated(state, place=place), action, provenance)
    if isinstance(filing, Refusal):
        return filing
    text, complained_of = action.text or state.text, action.complained_of or state.complained_of
    class_code = filing.get("class_code", state.class_code)
    answerable = policy.answerable(class_code, place)
    changes = {"place": place, "text": text, "complained_of": complained_of, **filing, "answerable": answerable}
    corrections = _corrections(state, replace_unvalidated(state, **changes), action)
    if not corrections:
        return build_refusal(state, "invalid_field", _NOTHING_NEW, "action.kind", role="operator")
    return _with_consequences(state, action, provenance, changes, corrections)


def _with_consequences(
    state: CaseState,
    action: Correct,
    provenance: Provenance,
    changes: dict[str, Any],
    corrections: tuple[FieldCorrection, ...],
) -> ActResult:
    policy, is_routed_anew = provenance.policy, _is_to_be_placed(state) and _concerns_route(corrections)
    if is_routed_anew:
        changes["held_because"] = None
    after = next_state(state, provenance, **changes)
    corrected = _new_corrected(**event_fields(after, provenance), reason=action.reason, corrections=corrections)
    if action.department is not None and any(each.field == "department" for each in corrections):
        assignment = Assign(department=action.department, reason=action.reason)
        assigned = assign(corrected.state, assignment, provenance, policy)
        return assigned if isinstance(assigned, Refusal) else [corrected, *assigned]
    return [corrected, route_or_hold(corrected.state, provenance, policy)] if is_routed_anew else [corrected]


def _is_to_be_placed(state: CaseState) -> bool:
    """Return whether a case waits for a department; one in the construction plan waits for its date."""
    return state.status == "filed" and not is_planned(state)


def _concerns_route(corrections: tuple[FieldCorrection, ...]) -> bool:
    return any(each.field not in _NOT_ROUTED_BY for each in corrections)


def _refusal(state: CaseState, action: Correct, policy: CityPolicy) -> Refusal | None:
    if state.past:
        text = Bilingual("An imported past is corrected by amend.", "导入的历史案件请用修正（amend）。")
        return build_refusal(state, "not_allowed_in_state", text, "action.kind", role="operator")
    if state.confidential and (action.text is not None or action.address is not None):
        text = Bilingual(
            "The case is confidential: its words and address stay in the vault.", "保密案件的内容和地址不在此更正。"
        )
        field = "action.text" if action.text is not None else "action.address"
        return build_refusal(state, "not_allowed_in_state", text, field, role="operator")
    if action.complained_of is not None and (refusal := _complaint_refusal(state, action, policy)):
        return refusal
    if state.status == "suspended" and (action.class_code is not None or action.row_id is not None):
        text = Bilingual("Its time limit stands: resume the work first.", "案件挂账，时限停计：请先恢复。")
        field = "action.row_id" if action.row_id is not None else "action.class_code"
        return build_refusal(state, "not_allowed_in_state", text, field, role="operator")
    if state.status == "received" and action.department is not None:
        text = Bilingual("It is not verified yet, and has no department.", "案件尚未核实，没有责任单位。")
        return build_refusal(state, "not_allowed_in_state", text, "action.department", role="operator")
    return None


def _complaint_refusal(state: CaseState, action: Correct, policy: CityPolicy) -> Refusal | None:
    """Refuse what would leave the order with the department complained of: another one is named with it."""
    complained_of, departments = action.complained_of or "", policy.city.departments
    if complained_of not in departments:
        return unknown_name(state, "complained_of", complained_of, departments)
    barred = barred_units(complained_of, policy.city)
    leads = (action.department or state.department,) if state.status in ASSIGNED_STATUSES else ()
    # What a former lead handed on ends with its order.
    moves = action.department not in (None, state.department)
    others = tuple(each.department for each in state.helpers if is_active(each)) if moves else open_helpers(state)
    holder = next((each for each in (*leads, *others) if each in barred), None)
    return None if holder is None else handles_own_complaint(state, policy.city.departments[holder].names)


def _corrected_place(state: CaseState, action: Correct, city: City) -> Place | Refusal:
    place, latitude, longitude = state.place, action.latitude, action.longitude
    if action.address is not None:
        place = replace_unvalidated(place, address=action.address)
    codes = UNKNOWN_PLACE
    if latitude is not None and longitude is not None:
        codes = city.geography.locate(latitude, longitude)
        if codes.district is None and city.geography.is_drawn:
            text = Bilingual("The position lies outside the city.", "该位置不在本市范围内。")
            return build_refusal(state, "invalid_field", text, "action.latitude", role="operator")
        place = replace_unvalidated(place, latitude=latitude, longitude=longitude)
    elif action.district is not None and place.latitude is not None and city.geography.is_drawn:
        text = Bilingual("The case has a position: correct that.", "案件已有位置坐标，请更正坐标。")
        return build_refusal(state, "not_allowed_in_state", text, "action.district", role="operator")
    if codes.district is None and action.district is not None:
        codes = city.geography.locate_code(action.district)
        if codes.district is None:
            return unknown_name(state, "district", action.district, [each for each in city.geography.places if each])
    return _with_codes(place, codes) if codes.district is not None else place


def _with_codes(place: Place, codes: PlaceCodes) -> Place:
    return replace_unvalidated(
        place, district=codes.district, street=codes.street, community=codes.community, grid=codes.grid
    )


def _corrected_filing(state: CaseState, action: Correct, provenance: Provenance) -> dict[str, Any] | Refusal:
    """Return the fields that another class or row changes: the row itself, and the limit of who works on it."""
    if action.class_code is None and action.row_id is None:
        return {}
    policy = provenance.policy
    filing = _chosen_row(state, action, policy)
    if isinstance(filing, Refusal):
        return filing
    if isinstance(filing, Unfiled) and state.status in ASSIGNED_STATUSES:
        return build_refusal(state, "unknown_row", filing.reason, "action.class_code", role="operator")
    if state.status == "received":
        # It is filed once it is verified, under this row or else the class's default row.
        row_id = action.row_id or (state.suggested_row if action.class_code == state.class_code else None)
        class_code = filing.row.class_code if isinstance(filing, Filed) else action.class_code
        return {"class_code": class_code, "suggested_row": row_id}
    return _filed_fields(state, action, filing, provenance)


def _filed_fields(state: CaseState, action: Correct, filing: Filed | Unfiled, provenance: Provenance) -> dict[str, Any]:
    if isinstance(filing, Unfiled):
        unfiled = dict.fromkeys(("row_id", "filed_by", "filed_at", "suggested_row"))
        return {"class_code": action.class_code, **unfiled}
    if filing.row.id == state.row_id:
        return {}
    fields: dict[str, Any] = {**filing_fields(state, filing, provenance.policy), "filed_at": provenance.recorded_at}
    if state.status in ASSIGNED_STATUSES:
        fields["assignments"] = judge_anew(state, filing.row, provenance.recorded_at, provenance.policy)
    return fields


def _chosen_row(state: CaseState, action: Correct, policy: CityPolicy) -> Filed | Unfiled | Refusal:
    city, class_code = policy.city, action.class_code
    if class_code is not None and class_code not in city.classes:
        return unknown_name(state, "class_code", class_code, city.classes)
    if action.row_id is None:
        # A class that it has already does not choose its row anew.
        row = city.rows.get(state.row_id or "") if class_code == state.class_code else None
        if row is not None:
            return Filed(row, policy.rule_ref("by_hand"))
        filing = select_row(class_code, None, policy)
        return Filed(filing.row, policy.rule_ref("by_hand")) if isinstance(filing, Filed) else filing
    row = city.rows.get(action.row_id)
    if row is None:
        return unknown_name(state, "row_id", action.row_id, city.rows)
    if class_code is not None and row.class_code != class_code:
        text = Bilingual(
            f"The row {row.id} is of class {row.class_code}.", f"条目 {row.id} 属于类别 {row.class_code}。"
        )
        return build_refusal(state, "invalid_field", text, "action.row_id", role="operator")
    return Filed(row, policy.rule_ref("by_hand"))


def _corrections(before: CaseState, after: CaseState, action: Correct) -> tuple[FieldCorrection, ...]:
    old, new = _facts(before), _facts(after)
    if action.department is not None:
        new["department"] = action.department
    return tuple(
        _new_correction(field=field, before=old[field], after=value)
        for field, value in new.items()
        if value != old[field]
    )


def _facts(state: CaseState) -> dict[str, str | None]:
    place = state.place
    position: Mapping[str, str | None] = {"position": _position(place)}
    codes = {name: getattr(place, name) for name in ("district", "street", "community", "grid", "address")}
    row_id = state.suggested_row if state.status == "received" else state.row_id
    department = state.department if state.status in ASSIGNED_STATUSES else None
    texts = {"text": state.text, "class_code": state.class_code, "row_id": row_id}
    units = {"complained_of": state.complained_of, "department": department}
    return {**position, **codes, **texts, **units}


def _position(place: Place) -> str | None:
    return None if place.latitude is None else f"{place.latitude:.6f}, {place.longitude:.6f}"
