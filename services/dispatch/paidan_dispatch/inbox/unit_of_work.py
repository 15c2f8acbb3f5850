"""The state of one batch: its records, the cases they concern, what was decided, and the rows to write. No I/O."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Final, NamedTuple

from paidan_chassis.consumer.batch import Record
from paidan_chassis.kafka.cloudevents import DecodeError
from paidan_contracts.actions import ActionRequested
from paidan_contracts.case_event import CaseEvent
from paidan_contracts.ids import area_of
from paidan_contracts.inbox import InboxEvent, PhotoStored
from paidan_contracts.outcomes import OutcomeDecided, Refusal, ReportReplied
from paidan_contracts.reports import JoinedReport
from paidan_contracts.state import CaseState
from paidan_contracts.wire import WireModel
from paidan_dispatch.cases.case_numbers import Serials
from paidan_dispatch.cases.guards import NO_EVIDENCE, ActionEvidence, ProofPhoto
from paidan_dispatch.cases.policy import CityPolicy
from paidan_dispatch.cases.proofs import proof_of
from paidan_dispatch.cases.trust import CameraRecords
from paidan_dispatch.inbox.emergency_book import EmergencyBook
from paidan_dispatch.inbox.rows import EventRow, KnownOutcome, NotedRow, OutcomeRow, ReportRow
from paidan_dispatch.matching.candidates import Candidate, IndexChange, Removed
from paidan_dispatch.matching.match import CandidateIndex, compute_index_change

DEAD_LETTERED: Final = "dead_lettered"
GENESIS_CHAIN: Final = bytes(32)
"""The chain value before a case's first event."""


class DecodedRecord(NamedTuple):
    """A record, its content, and the policy of its city in force at that point of the log."""

    record: Record
    entry: InboxEvent | DecodeError | Refusal
    """``Refusal``: the consumer has stored the record as a dead letter already."""
    policy: CityPolicy | None


class StoredEvent(WireModel):
    """The part of a published case event that is read back."""

    state: CaseState


class CaseFile:
    """A case within a batch: as stored, as it is now, and the events in between."""

    __slots__ = ("_state", "_stored", "chain", "index_change", "is_new", "last_event", "partition")

    def __init__(self, partition: int, *, last_event: bytes, chain: bytes) -> None:
        """Start from the newest stored event; without one the case is being opened."""
        self.partition = partition
        self.last_event = last_event
        self.chain = chain
        self.is_new = not last_event
        """The batch opens it."""
        self.index_change: IndexChange | None = None
        """What changes in the search index; None for no change."""
        self._state: CaseState | None = None
        self._stored: CaseState | None = None

    @classmethod
    def new(cls, partition: int) -> "CaseFile":
        """Return the file of a case that is being opened."""
        return cls(partition, last_event=b"", chain=GENESIS_CHAIN)

    @property
    def stored(self) -> CaseState | None:
        """The state before this batch; None for a new case."""
        # Decoded on demand: most cases near a report have nothing to do with it.
        if self._stored is None and not self.is_new:
            self._stored = StoredEvent.model_validate_json(self.last_event).state
        return self._stored

    @property
    def state(self) -> CaseState | None:
        """The newest state; None for a new case without an event."""
        if self._state is None:
            self._state = self.stored
        return self._state

    def append(self, event: CaseEvent, body: bytes) -> EventRow:
        """Append an event and extend the hash chain by its bytes as published."""
        stored = self.stored  # decoded from last_event, which is replaced below
        self.chain = sha256(self.chain + body).digest()
        self.last_event, self._stored = body, stored
        self._state = event.state
        return EventRow(event.case_id, event.version, body, self.chain)

    def mark_stored(self) -> None:
        """Record that all events so far are written."""
        self.is_new, self._stored, self.index_change = False, self._state, None

    def update_index(self, previous: CaseState | None, policy: CityPolicy) -> IndexChange | None:
        """Record and return the change of the search index by the events since ``previous``."""
        if self.state is None:
            return None
        change = compute_index_change(previous, self.state, policy.match_rules)
        if change is not None:
            self.index_change = change
        return change

    @property
    def current_state(self) -> CaseState:
        """The newest state. Raises LookupError for a new case without an event."""
        if self.state is None:
            raise LookupError("the case has no event yet")
        return self.state

    @property
    def candidate(self) -> Candidate | None:
        """The new entry in the search index, if it changed and the case stays in it."""
        return None if isinstance(self.index_change, Removed) else self.index_change


@dataclass(slots=True)
class UnitOfWork:
    """Everything that deciding on a batch reads and changes."""

    entries: Sequence[DecodedRecord]
    """In log order, partition by partition."""
    nearby: dict[int, CandidateIndex]
    """By partition: cases that the batch's reports may match."""
    serials: dict[int, Serials] = field(default_factory=dict)
    """By partition, where its reports may open cases that get numbers."""
    cameras: dict[int, CameraRecords] = field(default_factory=dict)
    """By partition, where a pack trusts single cameras."""
    known_outcomes: dict[str, KnownOutcome] = field(default_factory=dict)
    case_files: dict[str, CaseFile] = field(default_factory=dict)
    changed_files: dict[str, CaseFile] = field(default_factory=dict)
    new_events: list[EventRow] = field(default_factory=list)
    new_reports: list[ReportRow] = field(default_factory=list)
    noted_reports: list[NotedRow] = field(default_factory=list)
    replies: dict[str, ReportReplied] = field(default_factory=dict)
    """By noted report, the latest one."""
    outcomes: dict[str, OutcomeRow] = field(default_factory=dict)
    previously_dead_lettered: set[str] = field(default_factory=set)
    """Ids that were dead-lettered before this batch."""
    photos: dict[str, list[ProofPhoto]] = field(default_factory=dict)
    """By reference: those that the batch's actions name, and those that it stores."""
    new_photos: list[tuple[int, ProofPhoto]] = field(default_factory=list)
    book: EmergencyBook | None = None
    """What the batch reads and changes of emergencies; None, almost always: nothing."""
    used_photos: dict[tuple[str, str], int] = field(default_factory=dict)
    """Photos that prove something: the first round, by reference and case."""

    def find_case_file(self, case_id: str, partition: int) -> CaseFile | None:
        """Return a case of this partition; None for an unknown one, and for one of another partition."""
        case_file = self.case_files.get(case_id)
        return case_file if case_file is not None and case_file.partition == partition else None

    def find_target(self, request: ActionRequested, partition: int) -> CaseFile | None:
        """Return the case that an action is about, by its own id or by a report in it."""
        case_id: str | None = request.case_id
        if request.of_report is not None:
            known = self.known_outcomes.get(request.of_report)
            case_id = known.case_id if known is not None else None
            # The sender's key was checked for the area of the case that it named; a partition holds other areas, too.
            if case_id and area_of(case_id) != request.area:
                return None
        return self.find_case_file(case_id, partition) if case_id else None

    def add_events(self, case_file: CaseFile, rows: Iterable[EventRow]) -> None:
        """Add a case's new events."""
        for row in rows:
            self.new_events.append(row)
            self.changed_files[row.case_id] = self.case_files[row.case_id] = case_file

    def add_report(self, state: CaseState, report: JoinedReport) -> None:
        """Add a report that joined a case; ``state`` follows from it."""
        self.new_reports.append(
            ReportRow(state.case_id, state.reports, report.report_id, report.source, report.model_dump_json().encode())
        )

    def record_outcome(self, outcome: OutcomeDecided, *, digest: str | None, sender: str | None = None) -> None:
        """Add the outcome of a report or an action."""
        self.outcomes[outcome.id] = OutcomeRow(outcome, digest, sender)
        digest_bytes = bytes.fromhex(digest) if digest else None
        why = outcome.why.model_dump_json() if outcome.why is not None else None
        self.known_outcomes[outcome.id] = KnownOutcome(
            outcome.result, digest_bytes, outcome.case_id, outcome.area, sender, why
        )

    def evidence_for(self, request: ActionRequested) -> ActionEvidence:
        """Return what the log said before that a decision on an action needs."""
        proof, of_report = proof_of(request), request.of_report
        if not proof and of_report is None:
            return NO_EVIDENCE
        known = self.known_outcomes.get(of_report) if of_report else None
        source = known.source if known is not None else None
        return ActionEvidence([photo for ref in proof for photo in self.photos.get(ref, ())], source)

    def add_photo(self, photo: PhotoStored, partition: int) -> None:
        """Add a photo that was stored for a case; stored again, it stays as old as it was."""
        holder = f"{photo.holder.kind}:{photo.holder.id}"
        stored = ProofPhoto(photo.ref, photo.case_id, holder, photo.stored_at)
        known = self.photos.setdefault(photo.ref, [])
        if any((each.case_id, each.holder) == (stored.case_id, stored.holder) for each in known):
            return
        known.append(stored)
        self.new_photos.append((partition, stored))

    def use_photos(self, refs: Iterable[str], state: CaseState) -> None:
        """Record that photos have proved something in a case, in the round of this state."""
        for ref in refs:
            self.photos[ref] = [
                each._replace(used_in=state.case_id, used_round=each.used_round or state.round)
                if each.case_id == state.case_id
                else each
                for each in self.photos.get(ref, ())
            ]
            self.used_photos.setdefault((ref, state.case_id), state.round)

    def mark_stored(self) -> None:
        """Record that all changes so far are written, or are being written: what follows adds to them."""
        for each in self.changed_files.values():
            each.mark_stored()
        self.changed_files, self.new_events, self.new_reports = {}, [], []
        self.outcomes, self.noted_reports, self.replies = {}, [], {}
        self.new_photos, self.used_photos = [], {}
        if self.book is not None:
            self.book.mark_stored()
        for cameras in self.cameras.values():
            cameras.mark_stored()

    @property
    def emergencies(self) -> EmergencyBook:
        """What the batch reads and changes of emergencies."""
        self.book = self.book or EmergencyBook()
        return self.book

    @property
    def opened_cases(self) -> Sequence[CaseFile]:
        """Cases that the batch opens."""
        return [each for each in self.changed_files.values() if each.is_new]

    @property
    def updated_cases(self) -> Sequence[CaseFile]:
        """Stored cases with new events."""
        return [each for each in self.changed_files.values() if not each.is_new]
