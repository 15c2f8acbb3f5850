"""The named invariants of a case: what holds after any sequence of actions, timers and reports."""

from collections.abc import Callable, Iterable, Sequence
from typing import Final, NamedTuple, TypeAlias

from paidan_contracts.case_event import CaseEvent
from paidan_contracts.emergencies import EmergencyDeclaration
from paidan_contracts.orders import OrderEvent
from paidan_contracts.state import CaseState
from paidan_dispatch.cases.timers import Timer


class Step(NamedTuple):
    """One event, the state that it replaced, and, with the last of several, what they say to departments."""

    before: CaseState | None
    event: CaseEvent
    orders: Sequence[OrderEvent]
    timers_set: Sequence[Timer]
    """All that ran in any earlier state."""
    earlier: Sequence[CaseEvent] = ()
    """The case's events before."""
    is_last: bool = True
    """No other event follows from the same decision."""
    emergencies: Sequence[EmergencyDeclaration] = ()
    """What is in force."""

    @property
    def after(self) -> CaseState:
        """The state that the event made."""
        return self.event.state


Invariant: TypeAlias = Callable[[Step], bool]
INVARIANTS: Final[dict[str, Invariant]] = {}
"""By name."""


def invariant(function: Invariant) -> Invariant:
    """Add an invariant under its name."""
    INVARIANTS[function.__name__] = function
    return function


def broken(step: Step, names: Iterable[str]) -> list[str]:
    """Return the names of those of these invariants that a step breaks."""
    return [name for name in names if not INVARIANTS[name](step)]


def type_of(event: CaseEvent) -> str:
    """Return an event's type, which each kind of event has."""
    return str(event.model_dump(include={"type"})["type"])
