"""What a batch knows and changes: the cases in hand, what is decided of which id, the rows to be written. No I/O."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from hashlib import sha256
from typing import Final, NamedTuple

from paidan_contracts.cases import CaseEvent
from paidan_contracts.outcomes import OutcomeDecided
from paidan_contracts.state import CaseState
from paidan_contracts.wire import WireModel
from paidan_dispatch.cases.policy import CityPolicy
from paidan_dispatch.matching.match import (
    Candidate,
    IndexChange,
    Removed,
    compute_index_change,
)

GENESIS_CHAIN: Final = bytes(32)


class StoredEvent(WireModel):
    """Of a published step only what it says of the case now."""

    state: CaseState


class KnownOutcome(NamedTuple):
    """What is known to have become of an id."""

    result: str
    digest: bytes | None
    case_id: str | None


class EventRow(NamedTuple):
    """One step as history keeps it."""

    case_id: str
    version: int
    event: bytes
    chain: bytes


class OutcomeRow(NamedTuple):
    """One outcome, with what only this service needs to know of it."""

    outcome: OutcomeDecided
    digest: str | None
    sender: str | None


class CaseFile:
    """A case in hand: as the database has it, as it is now, and what it has been through in this batch."""

    __slots__ = ("_state", "_stored", "chain", "index_change", "is_new", "last_event", "partition")

    def __init__(self, partition: int, *, last_event: bytes, chain: bytes) -> None:
        """Take up a case from its newest step; without one it is being opened."""
        self.partition = partition
        self.last_event = last_event
        self.chain = chain
        self.is_new = not last_event
        """It was not there before this batch."""
        self.index_change: IndexChange | None = None
        """What has changed for matching; None: nothing."""
        self._state: CaseState | None = None
        self._stored: CaseState | None = None

    @classmethod
    def new(cls, partition: int) -> "CaseFile":
        """Begin the file of a case that is being opened."""
        return cls(partition, last_event=b"", chain=GENESIS_CHAIN)

    @property
    def stored(self) -> CaseState | None:
        """The case as it was before this batch; None: it was not."""
        # Read when asked for: most cases near a report have nothing to do with it.
        if self._stored is None and not self.is_new:
            self._stored = StoredEvent.model_validate_json(self.last_event).state
        return self._stored

    @property
    def state(self) -> CaseState | None:
        """The case as it is now; None: it has taken no step yet."""
        if self._state is None:
            self._state = self.stored
        return self._state

    def append(self, event: CaseEvent, body: bytes) -> EventRow:
        """Take a step: the chain grows by its bytes as published."""
        stored = self.stored  # while ``step`` still says it
        self.chain = sha256(self.chain + body).digest()
        self.last_event, self._stored = body, stored
        self._state = event.state
        return EventRow(event.case_id, event.version, body, self.chain)

    def update_index(self, previous: CaseState | None, policy: CityPolicy) -> IndexChange | None:
        """Note what the steps since ``before`` changed for matching."""
        if self.state is None:
            return None
        change = compute_index_change(previous, self.state, policy)
        if change is not None:
            self.index_change = change
        return change

    @property
    def current_state(self) -> CaseState:
        """The case as it is now; a file without a step has none."""
        if self.state is None:
            raise LookupError("the case has taken no step yet")
        return self.state

    @property
    def candidate(self) -> Candidate | None:
        """Where matching is to find it from now on, if that changed and it is to be found."""
        return None if isinstance(self.index_change, Removed) else self.index_change


@dataclass(slots=True)
class UnitOfWork:
    """One batch's state: read from the database at its start, written to it at its end."""

    known_outcomes: dict[str, KnownOutcome] = field(default_factory=dict)
    case_files: dict[str, CaseFile] = field(default_factory=dict)
    changed_files: dict[str, CaseFile] = field(default_factory=dict)
    new_events: list[EventRow] = field(default_factory=list)
    outcomes: dict[str, OutcomeRow] = field(default_factory=dict)
    previously_dead_lettered: set[str] = field(default_factory=set)
    """Ids that were dead-lettered before this batch."""
    fired_timers: list[tuple[str, str, int]] = field(default_factory=list)
    """Timers that were consumed: case, kind, generation."""

    def add_events(self, case_file: CaseFile, rows: Iterable[EventRow]) -> None:
        """Keep the steps of a case."""
        for row in rows:
            self.new_events.append(row)
            self.changed_files[row.case_id] = self.case_files[row.case_id] = case_file

    def record_outcome(self, outcome: OutcomeDecided, *, digest: str | None, sender: str | None = None) -> None:
        """Keep what became of a report or an action."""
        self.outcomes[outcome.id] = OutcomeRow(outcome, digest, sender)
        digest_bytes = bytes.fromhex(digest) if digest else None
        self.known_outcomes[outcome.id] = KnownOutcome(outcome.result, digest_bytes, outcome.case_id)

    @property
    def opened_cases(self) -> Sequence[CaseFile]:
        """The cases that were not there before this batch."""
        return [each for each in self.changed_files.values() if each.is_new]

    @property
    def updated_cases(self) -> Sequence[CaseFile]:
        """The cases that were there and have taken steps."""
        return [each for each in self.changed_files.values() if not each.is_new]


def ended_at(state: CaseState) -> datetime | None:
    """Say since when nothing more is expected of a case; None: something is."""
    match state.status:
        case "closed":
            return state.closed_at
        case "voided" | "not_accepted":
            return state.ended_at or state.reported_at
        case _:
            return None


def awaits_callback(state: CaseState) -> bool:
    """Tell whether its reporter is to be called back: it is closed, and nobody has called in this round."""
    last_callback_round = state.called_back[-1].round if state.called_back else 0
    return state.status == "closed" and not state.past and last_callback_round < state.round
