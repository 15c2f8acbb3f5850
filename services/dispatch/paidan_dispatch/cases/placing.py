"""How a filed case gets to a department: placed by rule or by hand, with its clocks set; held where that cannot be."""

from datetime import datetime
from typing import Final

from paidan_contracts.cases import CaseDispatched, CaseEvent, CaseHeld
from paidan_contracts.city.calendar import CalendarEnded
from paidan_contracts.city.catalogue import Row
from paidan_contracts.state import CaseState
from paidan_dispatch.cases import assignment_updates, transitions
from paidan_dispatch.cases.bilingual import Words
from paidan_dispatch.cases.filing import Unfiled, file
from paidan_dispatch.cases.policy import Bylaws
from paidan_dispatch.cases.provenance import Stamp
from paidan_dispatch.cases.routing import HardToPlace, Placed, place

_NO_CALENDAR: Final = Words(
    "The working calendar does not reach far enough to set a limit.", "工作日历不足以计算时限。"
)


def accept(state: CaseState, stamp: Stamp, bylaws: Bylaws) -> list[CaseEvent]:
    """File a case that was waiting for verification, by the row that its report named if any, and send it on."""
    filing = file(state.class_code, state.suggested_row, bylaws)
    if isinstance(filing, Unfiled):
        return [send_on(state, stamp, bylaws)]
    filed = transitions.filed(state, stamp, filing)
    return [filed, send_on(filed.state, stamp, bylaws)]


def send_on(state: CaseState, stamp: Stamp, bylaws: Bylaws) -> CaseDispatched | CaseHeld:
    """Dispatch a case by rule, or hold it at the hard-to-place desk and say why. Nobody acts: a rule does."""
    silent = stamp.by_rule()
    try:
        placement = _place(state, silent.at, bylaws)
        if isinstance(placement, Placed):
            return dispatch(state, silent, placement, bylaws)
    except CalendarEnded:
        return transitions.held(state, silent, _NO_CALENDAR.both())
    return transitions.held(state, silent, placement.because.both())


def dispatch(state: CaseState, stamp: Stamp, placed: Placed, bylaws: Bylaws) -> CaseDispatched:
    """Give the case to a department and set its clocks; raises ``CalendarEnded``."""
    row = _row(state, bylaws)
    accept_by = None if state.past else bylaws.deadline(stamp.at, bylaws.city.accept_limit_of(row))
    limit = assignment_updates.next_limit(state, stamp.at, handling_ends(state, row, stamp.at, bylaws))
    turn = transitions.turn_of(state, placed.department, placed.placed_by, accept_by=accept_by, limit=limit)
    return transitions.dispatched(state, stamp, turn)


def handling_ends(state: CaseState, row: Row | None, began_at: datetime, bylaws: Bylaws) -> datetime | None:
    """Say when the work must be done by: as the record promised, else as the catalogue row or the city limits it."""
    if state.past:
        return state.promised_by
    limit = bylaws.city.limit_of(row)
    return bylaws.deadline(began_at, limit) if limit else None


def new_round_ends(state: CaseState, began_at: datetime, bylaws: Bylaws) -> datetime | None:
    """Say when a reopened case must be done by; nobody promised anything for a past that is opened again."""
    if state.past:
        return None
    limit = bylaws.city.clocks.reopening.limit or bylaws.city.limit_of(_row(state, bylaws))
    return bylaws.deadline(began_at, limit) if limit else None


def _place(state: CaseState, at: datetime, bylaws: Bylaws) -> Placed | HardToPlace:
    # What cannot be filed is nobody's yet; but the owner of a past record is known without its class.
    if state.filed_by is None and not state.past:
        filing = file(state.class_code, state.suggested_row, bylaws)
        if isinstance(filing, Unfiled):
            return HardToPlace(filing.because)
    return place(state, at, bylaws)


def _row(state: CaseState, bylaws: Bylaws) -> Row | None:
    return bylaws.city.rows.get(state.row_id) if state.row_id else None
