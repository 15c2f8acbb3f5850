"""The report of the conservation check: every single check, notices, and a summary line."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final, Self

from paidan_deploy.conservation.anchor import Anchor

MAX_EXAMPLES: Final = 5
RESULT_NAMES: Final[Mapping[str, str]] = {
    "opened": "立案",
    "merged": "合并",
    "noted": "仅记录",
    "suppressed": "未受理告警",
    "refused": "拒收",
    "dead_lettered": "死信",
}
"""The Chinese name of each outcome of a report."""


@dataclass(frozen=True, slots=True)
class Check:
    """One check: how many items it covered, how many fail it, and the first of those."""

    code: str
    """What programs know it by; it stays when the wording changes."""
    name: str
    holds: bool
    counted: int
    against: int = 0
    examples: tuple[str, ...] = ()
    name_zh: str = ""

    @classmethod
    def of(cls, code: str, name: str, name_zh: str, problems: Iterable[str], counted: Collection[object]) -> Self:
        """Build a check that holds when there are no problems, with the first few of them as examples."""
        examples = sorted(problems)
        return cls(code, name, not examples, len(counted), len(examples), tuple(examples[:MAX_EXAMPLES]), name_zh)


@dataclass(frozen=True, slots=True)
class Notice:
    """A finding that is no loss of data, such as a photo that a department named and never uploaded."""

    code: str
    name: str
    counted: int
    found: int
    examples: tuple[str, ...] = ()
    name_zh: str = ""


@dataclass(frozen=True, slots=True)
class ConservationReport:
    """Counts of received reports and of their outcomes, and every check."""

    received: int
    ends: Mapping[str, int]
    claims: tuple[Check, ...]
    remarks: tuple[Notice, ...] = ()
    dead_letters: Mapping[str, int] = field(default_factory=dict)
    """Records that were dead-lettered and not put back, by topic."""
    holds_to: Mapping[str, Mapping[int, int]] = field(default_factory=dict)
    """By topic and partition: the offset up to which this was compared; what came later is left out."""
    anchor: Anchor = field(default_factory=Anchor)
    """To be kept elsewhere, and compared with later."""

    @property
    def holds(self) -> bool:
        """Whether every check holds."""
        return all(claim.holds for claim in self.claims)

    @property
    def line(self) -> str:
        """The counts as an equation, or an inequality where they differ."""
        ends = " + ".join(f"{count} {name}" for name, count in self.ends.items())
        letters = ", ".join(f"{count} of {topic}" for topic, count in sorted(self.dead_letters.items()) if count)
        equation = f"{self.received} received {self._relation} {ends}"
        return f"{equation}; dead letters: {letters}" if letters else equation

    @property
    def line_zh(self) -> str:
        """The same in Chinese."""
        ends = " + ".join(f"{RESULT_NAMES.get(name, name)} {count}" for name, count in self.ends.items())
        letters = "，".join(f"{topic} {count} 条" for topic, count in sorted(self.dead_letters.items()) if count)
        equation = f"收到 {self.received} {self._relation} {ends}"
        return f"{equation}；死信：{letters}" if letters else equation

    @property
    def _relation(self) -> str:
        return "=" if self.is_balanced else "≠"

    @property
    def is_balanced(self) -> bool:
        """Whether the counts add up."""
        return self.received == sum(self.ends.values())
