"""The result of the conservation check: what holds, what does not, and the line that sums up."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Final, Self

MAX_EXAMPLES: Final = 5


@dataclass(frozen=True, slots=True)
class Check:
    """One check: how many items it covered, how many fail it, and the first of those."""

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
    """Something to look at that is no loss: others claimed it, and it is not so."""

    name: str
    counted: int
    found: int
    examples: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ConservationReport:
    """Counts of what was received and what it ended as, and every check."""

    received: int
    ends: Mapping[str, int]
    claims: tuple[Check, ...]
    remarks: tuple[Notice, ...] = ()

    @property
    def holds(self) -> bool:
        """Whether every check holds."""
        return all(claim.holds for claim in self.claims)

    @property
    def line(self) -> str:
        """The counts as an equation, or an inequality where they differ."""
        ends = " + ".join(f"{count} {name}" for name, count in self.ends.items())
        return f"{self.received} received {'=' if self.is_balanced else '≠'} {ends}"

    @property
    def is_balanced(self) -> bool:
        """Whether the counts add up."""
        return self.received == sum(self.ends.values())
