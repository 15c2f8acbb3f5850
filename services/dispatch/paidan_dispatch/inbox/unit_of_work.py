"""What a batch knows and changes: the cases in hand, what is decided of which id, the rows to be written. No I/O."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from hashlib import sha256
from typing import Final, NamedTuple

from paidan_contracts.cases import CaseEvent
from paidan_contracts.outcomes import OutcomeDecided
from paidan_contracts.state import CaseState
from paidan_contracts.wire import Said
from paidan_dispatch.cases.policy import Bylaws
from paidan_dispatch.matching.match import (
    Forgotten,
    Seen,
    Sighting,
    sighting,
)

UNCHAINED: Final = bytes(32)


class Newest(Said):
    """Of a published step only what it says of the case now."""

    state: CaseState


class Decided(NamedTuple):
    """What is known to have become of an id."""

    result: str
    digest: bytes | None
    case_id: str | None


class StepRow(NamedTuple):
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

    __slots__ = ("_state", "_stored", "chain", "is_new", "lane", "sighted", "step")

    def __init__(self, lane: int, *, step: bytes, chain: bytes) -> None:
        """Take up a case from its newest step; without one it is being opened."""
        self.lane = lane
        self.step = step
        self.chain = chain
        self.is_new = not step
        """It was not there before this batch."""
        self.sighted: Sighting | None = None
        """What has changed for matching; None: nothing."""
        self._state: CaseState | None = None
        self._stored: CaseState | None = None

    @classmethod
    def new(cls, lane: int) -> "CaseFile":
        """Begin the file of a case that is being opened."""
        return cls(lane, step=b"", chain=UNCHAINED)

    @property
    def stored(self) -> CaseState | None:
        """The case as it was before this batch; None: it was not."""
        # Read when asked for: most cases near a report have nothing to do with it.
        if self._stored is None and not self.is_new:
            self._stored = Newest.model_validate_json(self.step).state
        return self._stored

    @property
    def state(self) -> CaseState | None:
        """The case as it is now; None: it has taken no step yet."""
        if self._state is None:
            self._state = self.stored
        return self._state

    def append(self, event: CaseEvent, step: bytes) -> StepRow:
        """Take a step: the chain grows by its bytes as published."""
        before = self.stored  # while ``step`` still says it
        self.chain = sha256(self.chain + step).digest()
        self.step, self._stored = step, before
        self._state = event.state
        return StepRow(event.case_id, event.version, step, self.chain)

    def sight(self, before: CaseState | None, bylaws: Bylaws) -> Sighting | None:
        """Note what the steps since ``before`` changed for matching."""
        if self.state is None:
            return None
        changed = sighting(before, self.state, bylaws)
        if changed is not None:
            self.sighted = changed
        return changed

    @property
    def now(self) -> CaseState:
        """The case as it is now; a file without a step has none."""
        if self.state is None:
            raise LookupError("the case has taken no step yet")
        return self.state

    @property
    def seen(self) -> Seen | None:
        """Where matching is to find it from now on, if that changed and it is to be found."""
        return None if isinstance(self.sighted, Forgotten) else self.sighted


@dataclass(slots=True)
class Ledger:
    """One batch's state: read from the database at its start, written to it at its end."""

    decided: dict[str, Decided] = field(default_factory=dict)
    files: dict[str, CaseFile] = field(default_factory=dict)
    changed: dict[str, CaseFile] = field(default_factory=dict)
    history: list[StepRow] = field(default_factory=list)
    outcomes: dict[str, OutcomeRow] = field(default_factory=dict)
    reopened: set[str] = field(default_factory=set)
    """Ids that were dead-lettered before this batch."""
    rung: list[tuple[str, str, int]] = field(default_factory=list)
    """Timers that were consumed: case, kind, generation."""

    def take(self, case_file: CaseFile, rows: Iterable[StepRow]) -> None:
        """Keep the steps of a case."""
        for row in rows:
            self.history.append(row)
            self.changed[row.case_id] = self.files[row.case_id] = case_file

    def conclude(self, outcome: OutcomeDecided, *, digest: str | None, sender: str | None = None) -> None:
        """Keep what became of a report or an action."""
        self.outcomes[outcome.id] = OutcomeRow(outcome, digest, sender)
        known = bytes.fromhex(digest) if digest else None
        self.decided[outcome.id] = Decided(outcome.result, known, outcome.case_id)

    @property
    def opened(self) -> Sequence[CaseFile]:
        """The cases that were not there before this batch."""
        return [each for each in self.changed.values() if each.is_new]

    @property
    def moved(self) -> Sequence[CaseFile]:
        """The cases that were there and have taken steps."""
        return [each for each in self.changed.values() if not each.is_new]


def ended_at(state: CaseState) -> datetime | None:
    """Say since when nothing more is expected of a case; None: something is."""
    match state.status:
        case "closed":
            return state.closed_at
        case "voided" | "not_accepted":
            return state.ended_at or state.reported_at
        case _:
            return None


def awaits_call(state: CaseState) -> bool:
    """Tell whether its reporter is to be called back: it is closed, and nobody has called in this round."""
    called_in = state.called_back[-1].round if state.called_back else 0
    return state.status == "closed" and not state.past and called_in < state.round
