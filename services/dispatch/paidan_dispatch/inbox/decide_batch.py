"""Decides on one batch, record by record in log order: drops repeats, applies decisions, records outcomes."""

from collections.abc import Iterable, Sequence
from typing import Literal

from paidan_chassis.consumer.batch import Batch, Record
from paidan_chassis.kafka.cloudevents import DecodeError, encode_body
from paidan_chassis.kafka.message import Message
from paidan_contracts.actions import ActionRequested, Reply
from paidan_contracts.assignments import RuleRef
from paidan_contracts.case_event import CaseEvent
from paidan_contracts.cases import CaseMerged
from paidan_contracts.emergencies import EmergencyPortion, EmergencyRecord
from paidan_contracts.emergency_actions import CITY_ACTIONS
from paidan_contracts.ids import reuse_refusal_id
from paidan_contracts.inbox import CityInForce, PhotoStored, ReleaseInForce, TimerDue
from paidan_contracts.outcomes import OutcomeDecided, Refusal
from paidan_contracts.reports import ReportReceived
from paidan_contracts.state import CaseState
from paidan_contracts.unvalidated import replace_unvalidated
from paidan_dispatch.cases.decide import Ignored, Progressed, Refused, decide, expire_timer
from paidan_dispatch.cases.orders import answer_refused, order_events
from paidan_dispatch.cases.patrol_messages import task_events
from paidan_dispatch.cases.policy import CityPolicy
from paidan_dispatch.cases.proofs import proof_of
from paidan_dispatch.cases.refusals import unknown_case
from paidan_dispatch.cases.reports import Opened, as_held_by_case, noted_by, receive_report
from paidan_dispatch.inbox import camera_records, emergency_steps, messages, noted_reports
from paidan_dispatch.inbox.decode import claimed_id, decode_refusal
from paidan_dispatch.inbox.outcome_builders import (
    applied_outcome,
    dead_letter_outcome,
    id_of,
    refused_outcome,
    sender_of,
    success_outcome,
)
from paidan_dispatch.inbox.refusals import ID_REUSED, unknown_area, unknown_city
from paidan_dispatch.inbox.rows import KnownOutcome
from paidan_dispatch.inbox.unit_of_work import DEAD_LETTERED, CaseFile, DecodedRecord, UnitOfWork


async def decide_batch(batch: Batch, unit_of_work: UnitOfWork, entries: Iterable[DecodedRecord]) -> None:
    """Decide on the next records. It runs no SQL but what keeps the session from idling."""
    decider = _BatchDecider(batch, unit_of_work)
    for entry in entries:
        decider.decide(entry)
        await batch.pause()


class _BatchDecider:
    __slots__ = ("_batch", "_unit_of_work")

    def __init__(self, batch: Batch, unit_of_work: UnitOfWork) -> None:
        self._batch = batch
        self._unit_of_work = unit_of_work

    def decide(self, decoded: DecodedRecord) -> None:
        record, policy = decoded.record, decoded.policy
        match decoded.entry:
            case ReportReceived() as entry:
                if self._is_new(record, entry):
                    self._decide_report(record, entry, policy)
            case ActionRequested() as entry:
                if self._is_new(record, entry):
                    self._decide_action(record, entry, policy)
            case TimerDue() as entry:
                self._decide_timer(record, entry, policy)
            case PhotoStored() as entry:
                self._unit_of_work.add_photo(entry, record.partition)
            case DecodeError() as entry:
                self._batch.dead_letter(record, entry.reason, entry.detail)
                self._record_dead_letter(record, decode_refusal(entry))
            case Refusal() as entry:
                self._record_dead_letter(record, entry)
            case CityInForce() | ReleaseInForce():
                pass  # in force since it was decoded
            case entry:
                self._follow_emergency(record, entry, policy)

    def _is_new(self, record: Record, entry: ReportReceived | ActionRequested) -> bool:
        """Return whether the id is undecided; a repeat is dropped, another body under the same id is refused."""
        id_ = id_of(entry)
        known = self._unit_of_work.known_outcomes.get(id_)
        if known is None or known.result == DEAD_LETTERED:
            return True
        if known.digest == bytes.fromhex(entry.digest):
            self._repeat_refusal(record, entry, known)
            return False
        outcome_id = reuse_refusal_id(id_, entry.digest)
        if outcome_id not in self._unit_of_work.known_outcomes:
            outcome = replace_unvalidated(refused_outcome(entry, ID_REUSED), id=outcome_id, repeats=id_)
            self._refuse(record, entry, outcome)
        return False

    def _repeat_refusal(self, record: Record, entry: ReportReceived | ActionRequested, known: KnownOutcome) -> None:
        """Send a department that repeats a refused answer the refusal again: a new try has a new id."""
        if known.why is not None and isinstance(entry, ActionRequested):
            refused = answer_refused(entry, Refusal.model_validate_json(known.why))
            if refused is not None:
                self._batch.emit(record, messages.refusal_message(refused, entry.actor.id))

    def _decide_report(self, record: Record, report: ReportReceived, policy: CityPolicy | None) -> None:
        if policy is None or report.area not in policy.city.areas:
            refusal = unknown_area(report.city, report.area) if policy else unknown_city(report.city)
            self._refuse(record, report, refused_outcome(report, refusal))
            return
        decided_by = noted_by(report, policy)
        if decided_by is not None:
            self._note(record, report, decided_by)
            return
        nearby = self._unit_of_work.nearby[record.partition]
        serials = self._unit_of_work.serials.get(record.partition)
        cameras = self._unit_of_work.cameras.get(record.partition)
        match receive_report(
            report, nearby=nearby, state_of=self._state_of, policy=policy, serials=serials, cameras=cameras
        ):
            case Opened(events):
                self._apply_events(record, CaseFile.new(record.partition), events, policy)
                self._record_success(record, report, "opened", events[-1].state)
            case Progressed(before, events):
                self._apply_events(record, self._unit_of_work.case_files[before.case_id], events, policy)
                metres = events[0].metres if isinstance(events[0], CaseMerged) else None
                self._unit_of_work.add_report(events[-1].state, as_held_by_case(report, metres))
                self._record_success(record, report, "merged", events[-1].state)

    def _note(self, record: Record, report: ReportReceived, decided_by: RuleRef) -> None:
        row = noted_reports.noted_row(report, as_held_by_case(report), decided_by, record.partition)
        self._unit_of_work.noted_reports.append(row)
        outcome = noted_reports.noted_outcome(report, decided_by)
        self._record_outcome(record, outcome, digest=report.digest, sender=sender_of(report))

    def _decide_action(self, record: Record, request: ActionRequested, policy: CityPolicy | None) -> None:
        if isinstance(request.action, CITY_ACTIONS):
            self._decide_city_action(record, request, policy)
            return
        is_reply = isinstance(request.action, Reply)
        if is_reply and noted_reports.is_about_noted(request, self._unit_of_work.known_outcomes):
            self._decide_reply(record, request)
            return
        case_file = self._unit_of_work.find_target(request, record.partition)
        if case_file is None or policy is None:
            self._refuse(record, request, refused_outcome(request, unknown_case(request.case_id)))
            return
        match decide(case_file.current_state, request, policy, self._unit_of_work.evidence_for(request)):
            case Progressed(before, events):
                self._apply_events(record, case_file, events, policy)
                self._unit_of_work.use_photos(proof_of(request), before)
                if self._unit_of_work.cameras:
                    camera_records.judge(self._unit_of_work.cameras.get(record.partition), request, before, policy)
                self._record_success(record, request, "applied", events[-1].state)
            case Refused(refusal):
                self._refuse(record, request, refused_outcome(request, refusal, case_file.current_state))

    def _decide_city_action(self, record: Record, request: ActionRequested, policy: CityPolicy | None) -> None:
        told = emergency_steps.act(request, policy, self._unit_of_work.emergencies, record.partition)
        if isinstance(told, Refusal):
            self._refuse(record, request, refused_outcome(request, told))
            return
        self._emit_applied(record, request, told)

    def _follow_emergency(self, record: Record, entry: EmergencyRecord, policy: CityPolicy | None) -> None:
        if isinstance(entry, EmergencyPortion):
            if policy is not None:
                for case_file, step in emergency_steps.set_anew(entry, self._unit_of_work, record.partition, policy):
                    self._apply_events(record, case_file, (step,), policy)
            return
        for message in emergency_steps.follow(entry, policy, self._unit_of_work.emergencies, record.partition):
            self._batch.emit(record, message)

    def _decide_reply(self, record: Record, request: ActionRequested) -> None:
        reply = noted_reports.decide_reply(request)
        if isinstance(reply, Refusal):
            self._refuse(record, request, refused_outcome(request, reply))
            return
        self._unit_of_work.replies[reply.report_id] = reply
        self._emit_applied(record, request, [messages.reply_message(reply)])

    def _emit_applied(self, record: Record, request: ActionRequested, told: Iterable[Message]) -> None:
        outcome = applied_outcome(request)
        self._record_outcome(record, outcome, digest=request.digest, sender=sender_of(request))
        for message in told:
            self._batch.emit(record, message)

    def _decide_timer(self, record: Record, timer: TimerDue, policy: CityPolicy | None) -> None:
        case_file = self._unit_of_work.find_case_file(timer.case_id, record.partition)
        if case_file is None or policy is None:
            return
        match expire_timer(case_file.current_state, timer, policy):
            case Progressed(events=events):
                self._apply_events(record, case_file, events, policy)
            case Ignored():
                pass

    def _record_dead_letter(self, record: Record, refusal: Refusal) -> None:
        """Record a dead_lettered outcome if an id can be read: every id gets an outcome."""
        claimed = claimed_id(record)
        if claimed is None or claimed[1] in self._unit_of_work.known_outcomes:
            return
        outcome = dead_letter_outcome(*claimed, refusal, record.appended_at)
        self._record_outcome(record, outcome, digest=None, sender=None)

    def _apply_events(
        self, record: Record, case_file: CaseFile, events: Sequence[CaseEvent], policy: CityPolicy
    ) -> None:
        previous, rows = case_file.state, []
        for event in events:
            body = encode_body(event)
            rows.append(case_file.append(event, body))
            self._batch.emit(record, messages.case_message(event, body))
        self._unit_of_work.add_events(case_file, rows)
        self._unit_of_work.nearby[record.partition].apply(case_file.update_index(previous, policy))
        if policy.emergencies:
            self._unit_of_work.emergencies.add_case(events[-1], record.partition, policy)
        for order_event in order_events(previous, events, policy):
            self._batch.emit(record, messages.order_message(order_event))
        if policy.city.pack.verification is not None:
            for task_event in task_events(previous, events):
                self._batch.emit(record, messages.task_message(task_event))

    def _record_success(
        self, record: Record, entry: ReportReceived | ActionRequested, result: Literal["opened", "merged", "applied"],
        after: CaseState,
    ) -> None:  # fmt: skip
        outcome = success_outcome(entry, result, after)
        self._record_outcome(record, outcome, digest=entry.digest, sender=sender_of(entry))

    def _refuse(self, record: Record, entry: ReportReceived | ActionRequested, outcome: OutcomeDecided) -> None:
        self._record_outcome(record, outcome, digest=entry.digest, sender=sender_of(entry))
        if isinstance(entry, ActionRequested) and outcome.why is not None:
            refused = answer_refused(entry, outcome.why)
            if refused is not None:
                self._batch.emit(record, messages.refusal_message(refused, entry.actor.id))

    def _record_outcome(
        self, record: Record, outcome: OutcomeDecided, *, digest: str | None, sender: str | None
    ) -> None:
        self._unit_of_work.record_outcome(outcome, digest=digest, sender=sender)
        self._batch.counts[outcome.result] += 1
        self._batch.emit(record, messages.outcome_message(outcome))

    def _state_of(self, case_id: str) -> CaseState:
        return self._unit_of_work.case_files[case_id].current_state
