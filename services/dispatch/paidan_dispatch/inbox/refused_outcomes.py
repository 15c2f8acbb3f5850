"""The outcome of a report or an action that is refused."""

from typing import Final

from paidan_contracts.actions import ActionRequested
from paidan_contracts.outcomes import OutcomeDecided, Refusal
from paidan_contracts.reports import ReportReceived
from paidan_contracts.state import CaseState
from paidan_contracts.unvalidated import unvalidated_constructor
from paidan_dispatch.inbox.unit_of_work import id_of, outcome_kind

_new_outcome: Final = unvalidated_constructor(OutcomeDecided)


def refused_outcome(
    entry: ReportReceived | ActionRequested, refusal: Refusal, state: CaseState | None = None
) -> OutcomeDecided:
    """Return the outcome of an entry that is refused, in the case's state where it is about one."""
    return _new_outcome(
        id=id_of(entry),
        about=outcome_kind(entry),
        result="refused",
        why=refusal,
        area=entry.area,
        case_id=state.case_id if state else None,
        case_version=state.version if state else None,
        decided_at=entry.recorded_at,
    )
