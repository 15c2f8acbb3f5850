"""The handler of outcomes and cases: projects them onto the status of reports, and onto who may see a photo."""

from typing import Final

from paidan_chassis.consumer.batch import Batch, Record
from paidan_contracts.outcomes import OutcomeDecided, ReportReplied
from paidan_contracts.topics import OUTCOMES
from paidan_intake import queries
from paidan_intake.decode import decode
from paidan_intake.queries import ReportOutcome
from paidan_intake.report_status import CaseStatus, PartialCaseEvent, photos_of, status_of

_REPLIED_TYPE: Final[bytes] = ReportReplied.model_fields["type"].default.encode()


class StatusProjection:
    """Projects outcomes and cases onto the status of reports. It publishes nothing."""

    async def apply(self, batch: Batch) -> None:
        """Store the latest outcome of each report and status of each case, within the batch's transaction."""
        outcomes: dict[str, ReportOutcome] = {}
        replies: dict[str, ReportReplied] = {}
        statuses: dict[str, CaseStatus] = {}
        photos: set[tuple[str, str]] = set()
        for record in batch.records:
            await batch.pause()
            if record.topic == OUTCOMES.name and _event_type(record) == _REPLIED_TYPE:
                _collect_reply(replies, decode(batch, record, ReportReplied))
            elif record.topic == OUTCOMES.name:
                _collect_outcome(outcomes, decode(batch, record, OutcomeDecided))
            elif event := decode(batch, record, PartialCaseEvent):
                _collect_status(statuses, event)
                photos.update((ref, event.case_id) for ref in photos_of(event))
        if outcomes:
            await queries.save_outcomes(batch.conn, list(outcomes.values()))
        if replies:
            await queries.save_replies(batch.conn, replies.values())
        if statuses:
            await queries.save_statuses(batch.conn, list(statuses.values()))
            if complaints := [each for each in statuses.values() if each.complained_of is not None]:
                await queries.save_complained_of(batch.conn, complaints)
        if photos:
            await queries.save_case_photos(batch.conn, photos)

    def clear_cache(self) -> None:
        """Do nothing: no state is cached."""


def _event_type(record: Record) -> bytes | None:
    return next((value for name, value in record.headers if name == "ce_type"), None)


def _collect_outcome(outcomes: dict[str, ReportOutcome], outcome: OutcomeDecided | None) -> None:
    if outcome is None or outcome.about != "report":
        return
    previous = outcomes.get(outcome.id)
    if previous is not None and previous.result != "dead_lettered":
        return
    refusal = outcome.why
    outcomes[outcome.id] = ReportOutcome(
        outcome.id,
        outcome.result,
        refusal.code if refusal else outcome.rule,
        refusal.message if refusal else None,
        refusal.message_zh if refusal else None,
        outcome.case_id,
        outcome.decided_at,
    )


def _collect_reply(replies: dict[str, ReportReplied], reply: ReportReplied | None) -> None:
    if reply is None:
        return
    previous = replies.get(reply.report_id)
    if previous is None or previous.replied_at <= reply.replied_at:
        replies[reply.report_id] = reply


def _collect_status(statuses: dict[str, CaseStatus], event: PartialCaseEvent) -> None:
    status, previous = status_of(event), statuses.get(event.case_id)
    if previous is None or previous.version < status.version:
        statuses[event.case_id] = status
