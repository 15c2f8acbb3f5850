"""修正: corrects what an imported record said, from a later export or a mended mapping."""

from datetime import datetime
from typing import Any, Final

from paidan_contracts.actions import Amend
from paidan_contracts.assignments import Assignment, Limit
from paidan_contracts.cases import CaseAmended
from paidan_contracts.outcomes import Refusal
from paidan_contracts.state import CaseState
from paidan_contracts.unvalidated import replace_unvalidated, unvalidated_constructor
from paidan_dispatch.cases.bilingual import Bilingual
from paidan_dispatch.cases.case_state import (
    ActResult,
    Provenance,
    event_fields,
    next_state,
    replace_assignment,
    replace_limit,
    stop_limit,
)
from paidan_dispatch.cases.policy import CityPolicy
from paidan_dispatch.cases.refusals import build_refusal, unknown_name

_new_amended: Final = unvalidated_constructor(CaseAmended)


def amend(state: CaseState, action: Amend, provenance: Provenance, policy: CityPolicy) -> ActResult:
    """修正: replace what the record said of a case; its limits are judged again."""
    if action.row_id is not None and action.row_id not in policy.city.rows:
        return unknown_name(state, "row_id", action.row_id, policy.city.rows)
    if action.closed_at is not None and state.status != "closed":
        text = Bilingual("Only a closed case has a time of closing.", "未结案的案件没有结案时间。")
        return build_refusal(state, "not_allowed_in_state", text, "action.closed_at")
    if action.department is not None and (refusal := _department_refusal(state, action.department, policy)):
        return refusal
    changes = _changes(state, action, policy)
    after = next_state(state, provenance, **changes)
    return [_new_amended(**event_fields(after, provenance), reason=action.reason, fields=tuple(sorted(changes)))]


def _department_refusal(state: CaseState, department: str, policy: CityPolicy) -> Refusal | None:
    if department not in policy.city.departments:
        return unknown_name(state, "department", department, policy.city.departments)
    if not state.assignments:
        text = Bilingual("The case was never assigned: assign it.", "案件从未派遣，请用派遣操作。")
        return build_refusal(state, "not_allowed_in_state", text, "action.department")
    return None


def _changes(state: CaseState, action: Amend, policy: CityPolicy) -> dict[str, Any]:
    changes: dict[str, Any] = {}
    if action.text is not None:
        changes["text"] = action.text
    if action.occurred_at is not None:
        # A record is counted on the day on which it happened.
        changes |= {"occurred_at": action.occurred_at, "reported_at": action.occurred_at}
    if action.row_id is not None:
        row = policy.city.rows[action.row_id]
        changes |= {
            "class_code": row.class_code,
            "row_id": row.id,
            "suggested_row": None,
            "filed_by": policy.rule_ref("by_record"),
            "filed_at": state.filed_at or state.reported_at,
        }
    if action.closed_at is not None:
        changes |= {"closed_at": action.closed_at, "inspected_at": action.closed_at}
    if action.promised_by is not None:
        changes["promised_by"] = action.promised_by
    if action.department is not None:
        changes["department"] = action.department
    if state.assignments and (action.closed_at or action.promised_by or action.department):
        changes["assignments"] = replace_assignment(state, _amended_assignment(state.assignments[-1], action))
    return {name: value for name, value in changes.items() if value != getattr(state, name)}


def _amended_assignment(assignment: Assignment, action: Amend) -> Assignment:
    if action.department is not None:
        assignment = replace_unvalidated(assignment, department=action.department)
    if action.closed_at is None and action.promised_by is None:
        return assignment
    limit = assignment.limits[-1]
    return replace_limit(assignment, _judged(limit, action.promised_by or limit.due_at, action.closed_at))


def _judged(limit: Limit, due_at: datetime | None, closed_at: datetime | None) -> Limit:
    """Return the limit with this end, met or missed by the work as it was finished."""
    finished_at = closed_at if closed_at is not None and limit.finished_at is not None else limit.finished_at
    if finished_at is None:
        return replace_unvalidated(limit, due_at=due_at, overdue_at=None)
    late = None if due_at is None else finished_at > due_at
    return stop_limit(replace_unvalidated(limit, due_at=due_at, finished_at=finished_at, late=late), finished_at)
