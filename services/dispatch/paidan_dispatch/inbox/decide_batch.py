"""One batch's decisions, record by record in the order of the log: repeats dropped, the rest judged, all of it said."""

from collections.abc import Mapping, Sequence
from typing import Final, Literal

from paidan_chassis.consumer.batch import Batch, Record
from paidan_contracts.actions import ActionRequested
from paidan_contracts.cases import CaseEvent
from paidan_contracts.ids import area_of, reuse_refusal_id
from paidan_contracts.inbox import CityInForce, InboxEvent, TimerDue
from paidan_contracts.outcomes import OutcomeDecided, Refusal
from paidan_contracts.reports import ReportReceived
from paidan_contracts.state import CaseState
from paidan_contracts.unvalidated import replace_unvalidated, unvalidated_constructor
from paidan_dispatch.cases import decide, orders
from paidan_dispatch.cases.decide import (
    Ignored,
    Opened,
    Progressed,
    Refused,
)
from paidan_dispatch.cases.policy import CityPolicy
from paidan_dispatch.inbox import messages
from paidan_dispatch.inbox.decode import DecodeError, claimed_id
from paidan_dispatch.inbox.refusals import ID_REUSED, UNKNOWN_AREA, UNKNOWN_CITY
from paidan_dispatch.inbox.unit_of_work import CaseFile, UnitOfWork
from paidan_dispatch.matching.match import CandidateIndex

DEAD_LETTERED: Final = "dead_lettered"
_new_outcome: Final = unvalidated_constructor(OutcomeDecided)


class BatchDecider:
    """The judging of one batch. It waits for nothing: all that it may need is in the ledger and in ``nearby``."""

    __slots__ = ("_batch", "_nearby", "_unit_of_work")

    def __init__(self, batch: Batch, unit_of_work: UnitOfWork, nearby: Mapping[int, CandidateIndex]) -> None:
        self._batch = batch
        self._unit_of_work = unit_of_work
        self._nearby = nearby

    def decide(self, record: Record, entry: InboxEvent | DecodeError | Refusal, policy: CityPolicy | None) -> None:
        """Decide on one record."""
        match entry:
            case ReportReceived():
                if self._is_new(record, entry):
                    self._decide_report(record, entry, policy)
            case ActionRequested():
                if self._is_new(record, entry):
                    self._decide_action(record, entry, policy)
            case TimerDue():
                self._decide_timer(record, entry, policy)
            case CityInForce():
                pass  # in force since it was read
            case DecodeError():
                self._batch.dead_letter(record, entry.reason, entry.detail)
                self._record_dead_letter(record, entry.refusal)
            case Refusal():
                self._record_dead_letter(record, entry)

    def _is_new(self, record: Record, entry: ReportReceived | ActionRequested) -> bool:
        """Tell whether the id is still to be decided; a repeat is dropped, another body under the same id refused."""
        id_ = _id_of(entry)
        known = self._unit_of_work.known_outcomes.get(id_)
        if known is None or known.result == DEAD_LETTERED:
            return True
        if known.digest == bytes.fromhex(entry.digest):
            return False
        outcome_id = reuse_refusal_id(id_, entry.digest)
        if outcome_id not in self._unit_of_work.known_outcomes:
            outcome = replace_unvalidated(_refused_outcome(entry, ID_REUSED), id=outcome_id, repeats=id_)
            self._refuse(record, entry, outcome)
        return False

    def _decide_report(self, record: Record, report: ReportReceived, policy: CityPolicy | None) -> None:
        if policy is None or report.area not in policy.city.areas:
            self._refuse(record, report, _refused_outcome(report, UNKNOWN_AREA if policy else UNKNOWN_CITY))
            return
        nearby = self._nearby[record.partition]
        match decide.receive_report(report, nearby=nearby, state_of=self._state_of, policy=policy):
            case Opened() as opened:
                self._apply_events(record, CaseFile.new(record.partition), opened.events, policy)
                self._record_success(record, report, "opened", opened.after)
            case Progressed() as merged:
                self._apply_events(record, self._unit_of_work.case_files[merged.before.case_id], merged.events, policy)
                self._record_success(record, report, "merged", merged.after)
            case Refused(refusal):
                self._refuse(record, report, _refused_outcome(report, refusal))

    def _decide_action(self, record: Record, request: ActionRequested, policy: CityPolicy | None) -> None:
        case_file = self._find_target(request, record.partition)
        if case_file is None or policy is None:
            self._refuse(record, request, _refused_outcome(request, decide.unknown_case(request).refusal))
            return
        match decide.decide(case_file.current_state, request, policy):
            case Progressed() as progressed:
                self._apply_events(record, case_file, progressed.events, policy)
                self._record_success(record, request, "applied", progressed.after)
            case Refused(refusal):
                self._refuse(record, request, _refused_outcome(request, refusal, case_file.current_state))

    def _decide_timer(self, record: Record, timer: TimerDue, policy: CityPolicy | None) -> None:
        case_file = self._find_case_file(timer.case_id, record.partition)
        if case_file is None or policy is None:
            return
        self._unit_of_work.fired_timers.append((timer.case_id, timer.kind, timer.generation))
        match decide.expire_timer(case_file.current_state, timer, policy):
            case Progressed() as progressed:
                self._apply_events(record, case_file, progressed.events, policy)
            case Ignored():
                pass

    def _record_dead_letter(self, record: Record, refusal: Refusal) -> None:
        """Tell the sender of a record that was buried, if it says whose it is: every id comes to an end."""
        claimed = claimed_id(record)
        if claimed is None or claimed[1] in self._unit_of_work.known_outcomes:
            return
        about, id_ = claimed
        outcome = _new_outcome(id=id_, about=about, result=DEAD_LETTERED, why=refusal, decided_at=record.appended_at)
        self._record_outcome(record, outcome, digest=None, sender=None)

    def _apply_events(
        self, record: Record, case_file: CaseFile, events: Sequence[CaseEvent], policy: CityPolicy
    ) -> None:
        previous = case_file.state
        rows = []
        for event in events:
            body = messages.to_json(event)
            rows.append(case_file.append(event, body))
            self._batch.emit(record, messages.case_message(event, body))
        self._unit_of_work.add_events(case_file, rows)
        self._nearby[record.partition].apply(case_file.update_index(previous, policy))
        for order_event in orders.order_events(previous, events, policy):
            self._batch.emit(record, messages.order_message(order_event))

    def _record_success(
        self, record: Record, entry: ReportReceived | ActionRequested, result: Literal["opened", "merged", "applied"],
        after: CaseState,
    ) -> None:  # fmt: skip
        outcome = _new_outcome(
            id=_id_of(entry),
            about=_outcome_kind(entry),
            result=result,
            area=after.area,
            case_id=after.case_id,
            case_version=after.version,
            decided_at=entry.recorded_at,
        )
        self._record_outcome(record, outcome, digest=entry.digest, sender=_sender(entry))

    def _refuse(self, record: Record, entry: ReportReceived | ActionRequested, outcome: OutcomeDecided) -> None:
        self._record_outcome(record, outcome, digest=entry.digest, sender=_sender(entry))
        if isinstance(entry, ActionRequested) and outcome.why is not None:
            refused = orders.answer_refused(entry, outcome.why)
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

    def _find_target(self, request: ActionRequested, partition: int) -> CaseFile | None:
        case_id: str | None = request.case_id
        if request.of_report is not None:
            known = self._unit_of_work.known_outcomes.get(request.of_report)
            case_id = known.case_id if known is not None else None
            # What the sender may do was judged by the area of the case that it named: a lane holds others', too.
            if case_id and area_of(case_id) != request.area:
                return None
        return self._find_case_file(case_id, partition) if case_id else None

    def _find_case_file(self, case_id: str, partition: int) -> CaseFile | None:
        found = self._unit_of_work.case_files.get(case_id)
        return found if found is not None and found.partition == partition else None


def city_of(area: str) -> str:
    """Name the city that an area is part of."""
    return area.partition(".")[0]


def _id_of(entry: ReportReceived | ActionRequested) -> str:
    return entry.report_id if isinstance(entry, ReportReceived) else entry.action_id


def _outcome_kind(entry: ReportReceived | ActionRequested) -> Literal["report", "action"]:
    return "report" if isinstance(entry, ReportReceived) else "action"


def _sender(entry: ReportReceived | ActionRequested) -> str | None:
    return f"{entry.actor.kind}:{entry.actor.id}" if isinstance(entry, ActionRequested) else None


def _refused_outcome(
    entry: ReportReceived | ActionRequested, refusal: Refusal, state: CaseState | None = None
) -> OutcomeDecided:
    return _new_outcome(
        id=_id_of(entry),
        about=_outcome_kind(entry),
        result="refused",
        why=refusal,
        area=entry.area,
        case_id=state.case_id if state else None,
        case_version=state.version if state else None,
        decided_at=entry.recorded_at,
    )
