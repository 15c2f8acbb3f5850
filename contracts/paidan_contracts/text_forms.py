"""Forms of a text: cleaned of what hides or moves characters, and folded so that one pattern finds all spellings."""

import re
import unicodedata
from collections.abc import Sequence
from typing import Final, NamedTuple

_ZERO_WIDTH_JOINER: Final = "\u200d"
# C0 and C1 controls but tab and newline, marks of direction, widths of zero, tags, and line and paragraph separators.
_UNSAFE: Final = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\xad\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180e\u200b-\u200f\u2028-\u202e"
    "\u2060-\u206f\u3164\ufeff\uffa0\ufff0-\ufffb\U00013430-\U0001345f\U0001bca0-\U0001bca3\U0001d173-\U0001d17a"
    "\U000e0000-\U000e0fff]"
)
# All but ASCII, ideographs, and the punctuation that stands for itself; no letter of these changes its length.
_FOLDABLE: Final = re.compile("[^\x00-\x7f\u3400-\u9fff，。：、；！？“”‘’…—《》·]")
_LINE_BREAKS: Final = re.compile("\r\n?|[\x0b\x0c\x85\u2028\u2029]")
_IGNORED_CATEGORIES: Final = frozenset({"Cf", "Mn", "Me", "Cc"})
_ENUMERATED: Final = "No"
"""Category of ①, ⑴ and ²: mostly numbers of a list, so that they count as digits only once all others are masked."""
_CHINESE_DIGITS: Final = {
    digit: str(value)
    for digits in ("〇一二三四五六七八九", "零壹贰叁肆伍陆柒捌玖", "○幺貳參肆伍陸柒捌玖")
    for value, digit in enumerate(digits)
}


class FoldedText(NamedTuple):
    """A folded text, and the position in the original of each of its characters; None: they are the same."""

    text: str
    positions: Sequence[int] | None = None

    def original_span(self, start: int, end: int) -> tuple[int, int]:
        """Return the span in the original that a span of the folded text stands for."""
        if self.positions is None:
            return start, end
        return self.positions[start], self.positions[end - 1] + 1


def clean(text: str) -> str:
    """Remove control characters but tabs and newlines, marks of direction and characters without width.

    A joiner between two symbols stays: it makes one emoji of them.
    """
    if not _UNSAFE.search(text):
        return text
    broken = _LINE_BREAKS.sub("\n", text)
    return _UNSAFE.sub(lambda match: _joiner(broken, match.start()), broken)


def _joiner(text: str, index: int) -> str:
    if text[index] != _ZERO_WIDTH_JOINER or not 0 < index < len(text) - 1:
        return ""
    before = text[index - 2] if text[index - 1] == "\ufe0f" and index > 1 else text[index - 1]
    joins = all(unicodedata.category(each) in ("So", "Sk") for each in (before, text[index + 1]))
    return _ZERO_WIDTH_JOINER if joins else ""


class _StrictFolds(dict[str, str]):
    def __missing__(self, character: str) -> str:
        folded = self[character] = _fold_character(character)
        return folded


class _LooseFolds(dict[str, str]):
    def __missing__(self, character: str) -> str:
        folded = _CHINESE_DIGITS.get(character) or _fold_character(character)
        if unicodedata.category(character) == _ENUMERATED:
            digits = re.sub("[^0-9]", "", unicodedata.normalize("NFKC", character))
            value = unicodedata.numeric(character, -1)  # ❶ and ㊀ have no form in ASCII
            folded = digits or (str(int(value)) if value in range(10) else folded)
        self[character] = folded
        return folded


_STRICT_FOLDS: Final = _StrictFolds()
_LOOSE_FOLDS: Final = _LooseFolds()


def _fold_character(character: str) -> str:
    value = unicodedata.decimal(character, None)
    if value is not None:
        return str(value)
    category = unicodedata.category(character)
    if category in _IGNORED_CATEGORIES and character not in "\t\n\r":
        return ""
    if category == _ENUMERATED:
        return character
    folded = unicodedata.normalize("NFKC", character).lower()
    return folded if len(folded) == 1 else character


def fold(text: str, *, loose: bool = False) -> FoldedText:
    """Return a text in lower case, its digits of any script in ASCII, without what has no width.

    ``loose``: Chinese numerals and enclosed digits are digits, too (一三八, ①③⑧).
    """
    if not loose and not _FOLDABLE.search(text):
        return FoldedText(text.lower())
    pieces = list(map((_LOOSE_FOLDS if loose else _STRICT_FOLDS).__getitem__, text))
    folded = "".join(pieces)
    if len(folded) == len(text) and not loose:
        return FoldedText(folded)
    return FoldedText(folded, [index for index, piece in enumerate(pieces) for _ in piece])


def squeeze(folded: FoldedText) -> FoldedText:
    """Return a folded text without anything but letters and digits."""
    kept = [index for index, character in enumerate(folded.text) if character.isalnum()]
    positions = kept if folded.positions is None else [folded.positions[index] for index in kept]
    return FoldedText("".join([folded.text[index] for index in kept]), positions)
