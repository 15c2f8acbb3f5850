"""立案: files a case against a catalogue row, or ends it before anybody handles it."""

from datetime import datetime
from typing import Final, Literal, TypedDict

from paidan_contracts.actions import File, Void
from paidan_contracts.assignments import Assignment, RuleRef
from paidan_contracts.case_event import CaseEvent
from paidan_contracts.cases import CaseFiled, CaseVoided
from paidan_contracts.city.catalogue import CatalogueRow
from paidan_contracts.state import Answerable, CaseState
from paidan_contracts.unvalidated import unvalidated_constructor
from paidan_dispatch.cases import answers
from paidan_dispatch.cases.case_state import (
    ASSIGNED_STATUSES,
    ActResult,
    Provenance,
    end_assignment,
    event_fields,
    next_limit,
    next_state,
    replace_assignment,
    replace_limit,
    stop_limit,
)
from paidan_dispatch.cases.emergencies import Subject, limit_under_emergencies
from paidan_dispatch.cases.policy import CityPolicy, Filed, Unfiled, select_row
from paidan_dispatch.cases.refusals import unknown_name
from paidan_dispatch.cases.transitions.helper_orders import end_help
from paidan_dispatch.cases.transitions.routing import handling_deadline, route_or_hold

_new_filed: Final = unvalidated_constructor(CaseFiled)
_new_voided: Final = unvalidated_constructor(CaseVoided)


def file_and_route(state: CaseState, provenance: Provenance, policy: CityPolicy, reason: str = "") -> list[CaseEvent]:
    """File a verified case by the row that its report named, or its class's default row, and route it."""
    filing = select_row(state.class_code, state.suggested_row, policy)
    if isinstance(filing, Unfiled):
        return [route_or_hold(state, provenance, policy)]
    filed = _filed(state, provenance, filing, reason)
    return [filed, route_or_hold(filed.state, provenance, policy)]


def file(state: CaseState, action: File, provenance: Provenance, policy: CityPolicy) -> ActResult:
    """立案: choose the row by hand. With a department the row's limit replaces the running one, from its beginning."""
    row = policy.city.rows.get(action.row_id)
    if row is None:
        return unknown_name(state, "row_id", action.row_id, policy.city.rows)
    filing = Filed(row, policy.rule_ref("by_hand"))
    if state.status == "filed":
        filed = _filed(state, provenance, filing, action.reason)
        return [filed, route_or_hold(filed.state, provenance, policy)]
    return [_refiled(state, provenance, filing, action.reason)]


def void(state: CaseState, action: Void, provenance: Provenance) -> ActResult:
    """作废: end a case that should not exist; its department loses the order."""
    assignments, at = state.assignments, provenance.recorded_at
    if state.status in ASSIGNED_STATUSES:
        assignments = end_assignment(state, at, withdrawn_at=at)
    after = next_state(
        state,
        provenance,
        status="voided",
        held_because=None,
        answer=action.answer or answers.VOIDED,
        assignments=assignments,
        helpers=end_help(state, at) if state.helpers else (),
        **ended_fields(action.reason, provenance),
    )
    return [_new_voided(**event_fields(after, provenance), reason=action.reason)]


def _filed(state: CaseState, provenance: Provenance, filing: Filed, reason: str) -> CaseFiled:
    after = next_state(
        state,
        provenance,
        status="filed",
        held_because=None,
        filed_at=provenance.recorded_at,
        **filing_fields(state, filing, provenance.policy),
    )
    return _new_filed(**event_fields(after, provenance), row_id=filing.row.id, filed_by=filing.filed_by, reason=reason)


def judge_anew(state: CaseState, row: CatalogueRow, at: datetime, policy: CityPolicy) -> tuple[Assignment, ...]:
    """Return the assignments with a row's limit instead of the running one, from its beginning.

    Work that was finished is judged again by the other deadline. Raises ``CalendarExhausted``.
    """
    assignment = state.assignments[-1]
    last = assignment.limits[-1]
    finished_at, due_at = last.finished_at, handling_deadline(state, row, last.began_at, policy)
    limit = next_limit(state, last.began_at, due_at, policy)
    if policy.emergencies and finished_at is None:
        limit = limit_under_emergencies(limit, Subject(row.class_code, state.place, row), at, policy)
    late = None if limit.due_at is None or finished_at is None else finished_at > limit.due_at
    limit = limit.model_copy(update={"finished_at": finished_at, "late": late})
    if state.status == "inspecting" and finished_at is not None:
        limit = stop_limit(limit, finished_at)
    return replace_assignment(state, replace_limit(assignment, limit))


def _refiled(state: CaseState, provenance: Provenance, filing: Filed, reason: str) -> CaseFiled:
    after = next_state(
        state,
        provenance,
        filed_at=provenance.recorded_at,
        assignments=judge_anew(state, filing.row, provenance.recorded_at, provenance.policy),
        **filing_fields(state, filing, provenance.policy),
    )
    return _new_filed(**event_fields(after, provenance), row_id=filing.row.id, filed_by=filing.filed_by, reason=reason)


class FilingFields(TypedDict):
    """Fields of the state that a catalogue row sets."""

    class_code: str
    row_id: str
    suggested_row: None
    filed_by: RuleRef
    answerable: Answerable | None


def filing_fields(state: CaseState, filing: Filed, policy: CityPolicy) -> FilingFields:
    """Return the fields of the state that a catalogue row sets."""
    row = filing.row
    return {
        "class_code": row.class_code,
        "row_id": row.id,
        "suggested_row": None,
        "filed_by": filing.filed_by,
        "answerable": None if state.past else policy.answerable(row.class_code, state.place),
    }


def ended_fields(reason: str, provenance: Provenance) -> dict[Literal["ended_because", "ended_at"], object]:
    """Return the fields of the state of a case that ends without being handled."""
    return {"ended_because": reason, "ended_at": provenance.recorded_at}
