"""The result of the conservation check: what holds, what does not, and the line that sums up."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Final, Self

MAX_EXAMPLES: Final = 5


@dataclass(frozen=True, slots=True)
class Check:
    """Something that must hold, how many speak for it, and the first of those that speak against it."""

    name: str
    holds: bool
    counted: int
    against: int = 0
    examples: tuple[str, ...] = ()

    @classmethod
    def of(cls, name: str, problems: Iterable[str], counted: Collection[object]) -> Self:
        """Build a check that holds when there are no problems, with the first few of them as examples."""
        examples = sorted(problems)
        return cls(name, not examples, len(counted), len(examples), tuple(examples[:MAX_EXAMPLES]))


@dataclass(frozen=True, slots=True)
class Notice:
    """Something that a person should see and that is no loss of ours: others said it, and it does not hold."""

    name: str
    counted: int
    found: int
    examples: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ConservationReport:
    """The one line that a person reads, and the claims behind it."""

    received: int
    ends: Mapping[str, int]
    claims: tuple[Check, ...]
    remarks: tuple[Notice, ...] = ()

    @property
    def holds(self) -> bool:
        """Tell whether every claim holds."""
        return all(claim.holds for claim in self.claims)

    @property
    def line(self) -> str:
        """Write it as an equation, true of its numbers whatever else fails."""
        ends = " + ".join(f"{count} {name}" for name, count in self.ends.items())
        return f"{self.received} received {'=' if self.is_balanced else '≠'} {ends}"

    @property
    def is_balanced(self) -> bool:
        """Tell whether the numbers of the line do."""
        return self.received == sum(self.ends.values())
