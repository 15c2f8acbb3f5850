"""Reports that are noted and answered without a case: their outcome, and the reply to them. No I/O."""

from collections.abc import Mapping
from typing import Final

from paidan_contracts.actions import ActionRequested, Reply
from paidan_contracts.assignments import RuleRef
from paidan_contracts.outcomes import OutcomeDecided, Refusal, ReportReplied
from paidan_contracts.reports import JoinedReport, ReportReceived
from paidan_dispatch.cases.guards import may_reply
from paidan_dispatch.inbox.refusals import NOT_YOUR_ROLE
from paidan_dispatch.inbox.rows import KnownOutcome, NotedRow

NOTED: Final = "noted"


def noted_outcome(report: ReportReceived, decided_by: RuleRef) -> OutcomeDecided:
    """Return the outcome of a report that a rule of the city's pack notes."""
    return OutcomeDecided(
        id=report.report_id,
        about="report",
        result="noted",
        area=report.area,
        rule=decided_by.rule,
        city_version=decided_by.city_version,
        source=report.source,
        channel=report.channel,
        recorded_at=report.recorded_at,
        decided_at=report.recorded_at,
    )


def noted_row(report: ReportReceived, content: JoinedReport, decided_by: RuleRef, partition: int) -> NotedRow:
    """Return the row of a noted report; ``content`` is what staff may read of it."""
    return NotedRow(
        report_id=report.report_id,
        lane=partition,
        city=report.city,
        area=report.area,
        source=report.source,
        rule=decided_by.rule,
        city_version=decided_by.city_version,
        recorded_at=report.recorded_at,
        report=content.model_dump_json().encode(),
    )


def is_about_noted(request: ActionRequested, known_outcomes: Mapping[str, KnownOutcome]) -> bool:
    """Return whether an action replies to a noted report of its own area."""
    if not isinstance(request.action, Reply) or request.of_report is None:
        return False
    known = known_outcomes.get(request.of_report)
    return known is not None and known.result == NOTED and known.area == request.area


def decide_reply(request: ActionRequested) -> ReportReplied | Refusal:
    """Return the reply to a noted report, or why it is refused."""
    if not isinstance(request.action, Reply) or request.of_report is None:
        raise TypeError("only a reply to a report can be decided here")
    if not may_reply(request.actor):
        return NOT_YOUR_ROLE
    return ReportReplied(
        report_id=request.of_report,
        action_id=request.action_id,
        text=request.action.text,
        adopted=request.action.adopted,
        replied_at=request.recorded_at,
    )
