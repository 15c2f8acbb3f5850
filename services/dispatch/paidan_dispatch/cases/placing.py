"""How a filed case gets to a department: placed by rule or by hand, with its clocks set; held where that cannot be."""

from datetime import datetime
from typing import Final

from paidan_contracts.cases import CaseDispatched, CaseEvent, CaseHeld
from paidan_contracts.city.calendar import CalendarExhausted
from paidan_contracts.city.catalogue import CatalogueRow
from paidan_contracts.state import CaseState
from paidan_dispatch.cases import assignment_updates, transitions
from paidan_dispatch.cases.bilingual import Bilingual
from paidan_dispatch.cases.filing import Unfiled, select_row
from paidan_dispatch.cases.policy import CityPolicy
from paidan_dispatch.cases.provenance import Provenance
from paidan_dispatch.cases.routing import Assigned, NoRoute, route

_CALENDAR_ENDED: Final = Bilingual(
    "The working calendar does not reach far enough to set a limit.", "工作日历不足以计算时限。"
)


def file_and_route(state: CaseState, provenance: Provenance, policy: CityPolicy) -> list[CaseEvent]:
    """File a case that was waiting for verification, by the row that its report named if any, and send it on."""
    filing = select_row(state.class_code, state.suggested_row, policy)
    if isinstance(filing, Unfiled):
        return [route_or_hold(state, provenance, policy)]
    filed = transitions.filed(state, provenance, filing)
    return [filed, route_or_hold(filed.state, provenance, policy)]


def route_or_hold(state: CaseState, provenance: Provenance, policy: CityPolicy) -> CaseDispatched | CaseHeld:
    """Dispatch a case by rule, or hold it at the hard-to-place desk and say why. Nobody acts: a rule does."""
    rule_provenance = provenance.without_actor()
    try:
        result = _route(state, rule_provenance.recorded_at, policy)
        if isinstance(result, Assigned):
            return dispatch(state, rule_provenance, result, policy)
    except CalendarExhausted:
        return transitions.held(state, rule_provenance, _CALENDAR_ENDED.joined())
    return transitions.held(state, rule_provenance, result.reason.joined())


def dispatch(state: CaseState, provenance: Provenance, assigned: Assigned, policy: CityPolicy) -> CaseDispatched:
    """Give the case to a department and set its clocks; raises ``CalendarEnded``."""
    row = _catalogue_row(state, policy)
    accept_by = None if state.past else policy.deadline(provenance.recorded_at, policy.accept_limit(row))
    limit = assignment_updates.next_limit(
        state, provenance.recorded_at, handling_deadline(state, row, provenance.recorded_at, policy)
    )
    assignment = transitions.new_assignment(
        state, assigned.department, assigned.placed_by, accept_by=accept_by, limit=limit
    )
    return transitions.dispatched(state, provenance, assignment)


def handling_deadline(
    state: CaseState, row: CatalogueRow | None, began_at: datetime, policy: CityPolicy
) -> datetime | None:
    """Say when the work must be done by: as the record promised, else as the catalogue row or the city limits it."""
    if state.past:
        return state.promised_by
    limit = policy.handling_limit(row)
    return policy.deadline(began_at, limit) if limit else None


def reopened_deadline(state: CaseState, began_at: datetime, policy: CityPolicy) -> datetime | None:
    """Say when a reopened case must be done by; nobody promised anything for a past that is opened again."""
    if state.past:
        return None
    limit = policy.city.clocks.reopening.limit or policy.handling_limit(_catalogue_row(state, policy))
    return policy.deadline(began_at, limit) if limit else None


def _route(state: CaseState, at: datetime, policy: CityPolicy) -> Assigned | NoRoute:
    # What cannot be filed is nobody's yet; but the owner of a past record is known without its class.
    if state.filed_by is None and not state.past:
        filing = select_row(state.class_code, state.suggested_row, policy)
        if isinstance(filing, Unfiled):
            return NoRoute(filing.reason)
    return route(state, at, policy)


def _catalogue_row(state: CaseState, policy: CityPolicy) -> CatalogueRow | None:
    return policy.city.rows.get(state.row_id) if state.row_id else None
