"""One batch's decisions, record by record in the order of the log: repeats dropped, the rest judged, all of it said."""

from collections.abc import Mapping, Sequence
from typing import Final, Literal

from paidan_chassis.consumer.batch import Work
from paidan_chassis.consumer.records import Record
from paidan_contracts.actions import ActionRequested
from paidan_contracts.cases import CaseEvent
from paidan_contracts.ids import area_of, reused_id
from paidan_contracts.inbox import CityInForce, InboxEntry, TimerDue
from paidan_contracts.outcomes import OutcomeDecided, Why
from paidan_contracts.reports import ReportReceived
from paidan_contracts.state import CaseState
from paidan_contracts.unvalidated import changed, unchecked
from paidan_dispatch.cases import decide, orders
from paidan_dispatch.cases.decide import (
    Ignored,
    Moved,
    Opened,
    Refused,
)
from paidan_dispatch.cases.policy import Bylaws
from paidan_dispatch.inbox import messages
from paidan_dispatch.inbox.decode import Unreadable, claimed_id
from paidan_dispatch.inbox.refusals import ID_REUSED, UNKNOWN_AREA, UNKNOWN_CITY
from paidan_dispatch.inbox.unit_of_work import CaseFile, Ledger
from paidan_dispatch.matching.match import Nearby

DEAD_LETTERED: Final = "dead_lettered"
_made_outcome: Final = unchecked(OutcomeDecided)


class Deciding:
    """The judging of one batch. It waits for nothing: all that it may need is in the ledger and in ``nearby``."""

    __slots__ = ("_ledger", "_nearby", "_work")

    def __init__(self, work: Work, ledger: Ledger, nearby: Mapping[int, Nearby]) -> None:
        self._work = work
        self._ledger = ledger
        self._nearby = nearby

    def take(self, record: Record, entry: InboxEntry | Unreadable | Why, bylaws: Bylaws | None) -> None:
        """Decide on one record."""
        match entry:
            case ReportReceived():
                if self._is_new(record, entry):
                    self._take_report(record, entry, bylaws)
            case ActionRequested():
                if self._is_new(record, entry):
                    self._take_action(record, entry, bylaws)
            case TimerDue():
                self._take_timer(record, entry, bylaws)
            case CityInForce():
                pass  # in force since it was read
            case Unreadable():
                self._work.bury(record, entry.reason, entry.detail)
                self._set_aside(record, entry.why)
            case Why():
                self._set_aside(record, entry)

    def _is_new(self, record: Record, entry: ReportReceived | ActionRequested) -> bool:
        """Tell whether the id is still to be decided; a repeat is dropped, another body under the same id refused."""
        id_ = _id_of(entry)
        known = self._ledger.decided.get(id_)
        if known is None or known.result == DEAD_LETTERED:
            return True
        if known.digest == bytes.fromhex(entry.digest):
            return False
        again = reused_id(id_, entry.digest)
        if again not in self._ledger.decided:
            outcome = changed(_refusal(entry, ID_REUSED), id=again, repeats=id_)
            self._refuse(record, entry, outcome)
        return False

    def _take_report(self, record: Record, report: ReportReceived, bylaws: Bylaws | None) -> None:
        if bylaws is None or report.area not in bylaws.city.areas:
            self._refuse(record, report, _refusal(report, UNKNOWN_AREA if bylaws else UNKNOWN_CITY))
            return
        nearby = self._nearby[record.partition]
        match decide.take_in(report, nearby=nearby, case_of=self._state_of, bylaws=bylaws):
            case Opened() as opened:
                self._step(record, CaseFile.new(record.partition), opened.events, bylaws)
                self._conclude(record, report, "opened", opened.after)
            case Moved() as merged:
                self._step(record, self._ledger.files[merged.before.case_id], merged.events, bylaws)
                self._conclude(record, report, "merged", merged.after)
            case Refused(why):
                self._refuse(record, report, _refusal(report, why))

    def _take_action(self, record: Record, request: ActionRequested, bylaws: Bylaws | None) -> None:
        case_file = self._file_of(request, record.partition)
        if case_file is None or bylaws is None:
            self._refuse(record, request, _refusal(request, decide.unknown_case(request).why))
            return
        match decide.decide(case_file.now, request, bylaws):
            case Moved() as moved:
                self._step(record, case_file, moved.events, bylaws)
                self._conclude(record, request, "applied", moved.after)
            case Refused(why):
                self._refuse(record, request, _refusal(request, why, case_file.now))

    def _take_timer(self, record: Record, timer: TimerDue, bylaws: Bylaws | None) -> None:
        case_file = self._file(timer.case_id, record.partition)
        if case_file is None or bylaws is None:
            return
        self._ledger.rung.append((timer.case_id, timer.kind, timer.generation))
        match decide.run_out(case_file.now, timer, bylaws):
            case Moved() as moved:
                self._step(record, case_file, moved.events, bylaws)
            case Ignored():
                pass

    def _set_aside(self, record: Record, why: Why) -> None:
        """Tell the sender of a record that was buried, if it says whose it is: every id comes to an end."""
        claimed = claimed_id(record)
        if claimed is None or claimed[1] in self._ledger.decided:
            return
        about, id_ = claimed
        outcome = _made_outcome(id=id_, about=about, result=DEAD_LETTERED, why=why, decided_at=record.appended_at)
        self._say(record, outcome, digest=None, sender=None)

    def _step(self, record: Record, case_file: CaseFile, events: Sequence[CaseEvent], bylaws: Bylaws) -> None:
        before = case_file.state
        rows = []
        for event in events:
            body = messages.written(event)
            rows.append(case_file.append(event, body))
            self._work.emit(record, messages.step_said(event, body))
        self._ledger.take(case_file, rows)
        self._nearby[record.partition].note(case_file.sight(before, bylaws))
        for told in orders.messages(before, events, bylaws):
            self._work.emit(record, messages.order_said(told))

    def _conclude(
        self, record: Record, entry: ReportReceived | ActionRequested, result: Literal["opened", "merged", "applied"],
        after: CaseState,
    ) -> None:  # fmt: skip
        outcome = _made_outcome(
            id=_id_of(entry),
            about=_about(entry),
            result=result,
            area=after.area,
            case_id=after.case_id,
            case_version=after.version,
            decided_at=entry.recorded_at,
        )
        self._say(record, outcome, digest=entry.digest, sender=_sender(entry))

    def _refuse(self, record: Record, entry: ReportReceived | ActionRequested, outcome: OutcomeDecided) -> None:
        self._say(record, outcome, digest=entry.digest, sender=_sender(entry))
        if isinstance(entry, ActionRequested) and outcome.why is not None:
            refused = orders.refused(entry, outcome.why)
            if refused is not None:
                self._work.emit(record, messages.refusal_said(refused, entry.actor.id))

    def _say(self, record: Record, outcome: OutcomeDecided, *, digest: str | None, sender: str | None) -> None:
        self._ledger.conclude(outcome, digest=digest, sender=sender)
        self._work.counts[outcome.result] += 1
        self._work.emit(record, messages.outcome_said(outcome))

    def _state_of(self, case_id: str) -> CaseState:
        return self._ledger.files[case_id].now

    def _file_of(self, request: ActionRequested, lane: int) -> CaseFile | None:
        case_id: str | None = request.case_id
        if request.of_report is not None:
            known = self._ledger.decided.get(request.of_report)
            case_id = known.case_id if known is not None else None
            # What the sender may do was judged by the area of the case that it named: a lane holds others', too.
            if case_id and area_of(case_id) != request.area:
                return None
        return self._file(case_id, lane) if case_id else None

    def _file(self, case_id: str, lane: int) -> CaseFile | None:
        found = self._ledger.files.get(case_id)
        return found if found is not None and found.lane == lane else None


def city_of(area: str) -> str:
    """Name the city that an area is part of."""
    return area.partition(".")[0]


def _id_of(entry: ReportReceived | ActionRequested) -> str:
    return entry.report_id if isinstance(entry, ReportReceived) else entry.action_id


def _about(entry: ReportReceived | ActionRequested) -> Literal["report", "action"]:
    return "report" if isinstance(entry, ReportReceived) else "action"


def _sender(entry: ReportReceived | ActionRequested) -> str | None:
    return f"{entry.actor.kind}:{entry.actor.id}" if isinstance(entry, ActionRequested) else None


def _refusal(entry: ReportReceived | ActionRequested, why: Why, state: CaseState | None = None) -> OutcomeDecided:
    return _made_outcome(
        id=_id_of(entry),
        about=_about(entry),
        result="refused",
        why=why,
        area=entry.area,
        case_id=state.case_id if state else None,
        case_version=state.version if state else None,
        decided_at=entry.recorded_at,
    )
