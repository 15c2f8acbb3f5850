"""Which clocks of a case run, and what must be set or cancelled after a step. The state alone says it."""

from dataclasses import dataclass
from datetime import datetime

from paidan_contracts import ids
from paidan_contracts.inbox import TimerKind
from paidan_contracts.state import CaseState


@dataclass(frozen=True, slots=True)
class Timer:
    """One setting of a case's clock. A later setting of the same kind has a higher generation; no two are equal."""

    case_id: str
    area: str
    kind: TimerKind
    generation: int
    due_at: datetime

    @property
    def id(self) -> str:
        """Name it, so that one that fires twice counts once."""
        return ids.timer_id(self.case_id, self.kind, self.generation)


@dataclass(frozen=True, slots=True)
class TimerChanges:
    """What a step did to the clocks: rows to insert, rows to delete (by case, kind and generation)."""

    set: tuple[Timer, ...] = ()
    cancelled: tuple[Timer, ...] = ()


def running(state: CaseState) -> tuple[Timer, ...]:
    """List the clocks that run in this state; an imported past has none."""
    raise NotImplementedError


def changes(before: CaseState | None, after: CaseState) -> TimerChanges:
    """Say what must be set and what cancelled when a case went from one state to another, over any number of steps."""
    raise NotImplementedError
