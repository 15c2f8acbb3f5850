"""Clusters of digits in a folded text, which may be one number however it is grouped, or dates, times and lists."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final, Self

SEPARATORS: Final = r"[\W_]{0,6}+"
"""What may stand between two characters of one number."""
MIN_DIGITS: Final = 7
_CLUSTER: Final = re.compile(rf"[0-9](?:{SEPARATORS}[0-9]){{{MIN_DIGITS - 1},}}+")
_GROUP: Final = re.compile("[0-9]+")
_TWO_DECIMALS: Final = re.compile(r"[0-9]\.[0-9]+[^0-9.]+[0-9]+\.[0-9]")
_DOTTED: Final = re.compile(r"[0-9]+(?:\.[0-9]+)*")
_TIME: Final = re.compile(r"(?<![0-9])[0-9]{1,2}:[0-5][0-9](?![0-9])")
_DATE: Final = re.compile(r"(?<![0-9])(?:19|20)[0-9]{2}([-/.])(?:0?[1-9]|1[0-2])\1(?:0?[1-9]|[12][0-9]|3[01])(?![0-9])")
_DATE_BEFORE: Final = re.compile(r"(?<![0-9])(?:19|20)[0-9]{2}[-/.年](?:[0-9]{1,2}[-/.月])?\Z")
_LIST_SEPARATORS: Final = re.compile("[,;、。!?|]")


@dataclass(slots=True)
class DigitCluster:
    """Digits with at most six other characters between two of them and no letter; ``taken``: those already decided."""

    text: str
    digits: str
    positions: Sequence[int]
    group_starts: Sequence[int]
    taken: set[int] = field(default_factory=set)

    @classmethod
    def of(cls, text: str, match: re.Match[str]) -> Self:
        """Return the cluster of a match in a text."""
        if match[0].isdecimal():
            return cls(text, match[0], range(*match.span()), (0,))
        digits: list[str] = []
        positions: list[int] = []
        group_starts: list[int] = []
        for group in _GROUP.finditer(text, *match.span()):
            group_starts.append(len(positions))
            digits.append(group[0])
            positions.extend(range(*group.span()))
        return cls(text, "".join(digits), positions, group_starts)

    def starts(self) -> list[int]:
        """Return the index of the first digit of each group that is not taken yet."""
        return [index for index in self.group_starts if index not in self.taken]

    @property
    def is_decided(self) -> bool:
        """Whether all digits are taken."""
        return len(self.taken) == len(self.digits)

    def ends_group(self, end: int) -> bool:
        """Return whether a group ends before the digit of this index, which exists or is the first that does not."""
        positions = self.positions
        return end == len(positions) or (end < len(positions) and positions[end] - positions[end - 1] > 1)

    def is_free(self, start: int, end: int) -> bool:
        """Return whether none of these digits was decided."""
        return not self.taken or self.taken.isdisjoint(range(start, end))

    def take(self, start: int, end: int) -> None:
        """Mark digits as decided."""
        self.taken.update(range(start, end))

    def span(self, start: int, end: int) -> tuple[int, int]:
        """Return the span in the text of these digits, with the plus and the bracket that belong to them."""
        first, last = self.positions[start], self.positions[end - 1] + 1
        if self.text[first - 1 : first] == "(" and ")" in self.text[first:last]:
            first -= 1
        if self.text[first - 1 : first] == "+":
            first -= 1
        return first, last

    def before(self, start: int, length: int) -> str:
        """Return the characters of the text before a digit, at most ``length``."""
        first = self.positions[start]
        return self.text[max(0, first - length) : first]

    def is_plausible(self, start: int, end: int) -> bool:
        """Return whether digits can be one number, and are no dates, times, coordinates or list of small numbers."""
        first, last = self.positions[start], self.positions[end - 1] + 1
        if last - first == end - start:
            return True
        inner = self.text[first:last]
        if _TWO_DECIMALS.search(inner) or _TIME.search(inner) or _DATE.search(inner):
            return False
        if self.text[first - 1 : first] == "." and "." in inner and not _DOTTED.fullmatch(inner):
            return False
        groups = _GROUP.findall(inner)
        if len(groups[0]) < 3 and len(max(groups, key=len)) > 1 and _LIST_SEPARATORS.search(inner):
            return False
        return not _DATE_BEFORE.search(self.text, max(0, first - 8), first)


def find_clusters(text: str) -> Iterator[DigitCluster]:
    """Yield the clusters of at least seven digits in a folded text."""
    for match in _CLUSTER.finditer(text):
        yield DigitCluster.of(text, match)
