"""Builds the outcomes of reports and actions: under which id, for whom, with what result."""

from datetime import datetime
from typing import Final, Literal

from paidan_contracts.actions import ActionRequested
from paidan_contracts.outcomes import OutcomeDecided, Refusal
from paidan_contracts.reports import ReportReceived
from paidan_contracts.state import CaseState
from paidan_contracts.unvalidated import replace_unvalidated, unvalidated_constructor
from paidan_dispatch.inbox.unit_of_work import DEAD_LETTERED

_new_outcome: Final = unvalidated_constructor(OutcomeDecided)


def id_of(entry: ReportReceived | ActionRequested) -> str:
    """Return the id of a report or an action."""
    return entry.report_id if isinstance(entry, ReportReceived) else entry.action_id


def sender_of(entry: ReportReceived | ActionRequested) -> str:
    """Return who sent a report or an action, as ``kind:id``."""
    return f"{entry.actor.kind}:{entry.actor.id}" if isinstance(entry, ActionRequested) else f"source:{entry.source}"


def refused_outcome(
    entry: ReportReceived | ActionRequested, refusal: Refusal, state: CaseState | None = None
) -> OutcomeDecided:
    """Return the outcome of what is refused, and the case that it is about, where it is about one."""
    return _new_outcome(
        id=id_of(entry),
        about=_outcome_kind(entry),
        result="refused",
        why=refusal,
        area=entry.area,
        case_id=state.case_id if state else None,
        case_version=state.version if state else None,
        decided_at=entry.recorded_at,
    )


def success_outcome(
    entry: ReportReceived | ActionRequested, result: Literal["opened", "merged", "applied"], after: CaseState
) -> OutcomeDecided:
    """Return the outcome of what changed a case; that of a merged report tells its source."""
    outcome = _new_outcome(
        id=id_of(entry),
        about=_outcome_kind(entry),
        result=result,
        area=after.area,
        case_id=after.case_id,
        case_version=after.version,
        decided_at=entry.recorded_at,
    )
    if result == "merged" and isinstance(entry, ReportReceived):
        origin = {"source": entry.source, "channel": entry.channel, "recorded_at": entry.recorded_at}
        outcome = replace_unvalidated(outcome, **origin)
    return outcome


def applied_outcome(request: ActionRequested) -> OutcomeDecided:
    """Return the outcome of an action that was applied and is about no case."""
    return _new_outcome(
        id=request.action_id,
        about="action",
        result="applied",
        area=request.area,
        decided_at=request.recorded_at,
    )


def dead_letter_outcome(about: Literal["report", "action"], id_: str, refusal: Refusal, at: datetime) -> OutcomeDecided:
    """Return the outcome of what cannot be decided."""
    return _new_outcome(id=id_, about=about, result=DEAD_LETTERED, why=refusal, decided_at=at)


def _outcome_kind(entry: ReportReceived | ActionRequested) -> Literal["report", "action"]:
    return "report" if isinstance(entry, ReportReceived) else "action"
