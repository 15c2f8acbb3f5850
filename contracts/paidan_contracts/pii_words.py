"""What masking knows beside the common numbers: words that mark a number as a thing's or a person's, and patterns."""

import re
import tomllib
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from importlib import resources
from typing import Final, Self

from paidan_contracts.digit_clusters import SEPARATORS
from paidan_contracts.text_forms import fold
from paidan_contracts.validation_zh import LocalizedValueError

_LOOK_BACK: Final = 40
"""Characters before a number in which a word that marks it must end."""
_MAX_LABELS: Final = 6
_THING_LABELS: Final = (
    *("号码", "编码", "编号", "号", "码", "为", "是", "第", "箱", "杆", "柜", "牌"),
    *("no", "number", "id", "is"),
)
_THING_PUNCTUATION: Final = " \t:：.#([{\"'“”‘’/-_=<【《«"
_PERSONAL_LABELS: Final = ("号码", "号", "码", "为", "是", "at", "on", "is", "no", "number")
_PERSONAL_PUNCTUATION: Final = _THING_PUNCTUATION + ",，、+"
_ACCOUNT_LABEL: Final = (
    r"[\W_]{0,3}+(?:(?:号码|账号|帐号|号|id|number|是|为|同|群)[\W_]{0,3}+){1,3}+|[ \t]{0,2}+[:：=@][\W_]{0,3}+"
)
_ACCOUNT: Final = r"[a-z0-9][a-z0-9_-]{4,23}+"
_SHAPE_ELEMENT: Final = re.compile(r"\[([0-9])-([0-9])\]|[#@?]|-|[0-9A-Za-z]|[^\W\d_]")


class InvalidShape(LocalizedValueError):
    """A pattern's shape cannot be read, or would mask what is no number."""


@dataclass(frozen=True, slots=True)
class NumberShape:
    """The shape of a number, such as ``[2-9]##[2-9]######``: compiled, so that it takes time linear in the text.

    ``pattern`` matches its digits without separators; ``groups``: after how many digits a separator must stand.
    """

    name: str
    pattern: re.Pattern[str]
    size: int
    is_numeric: bool
    groups: tuple[int, ...] = ()


def parse_shape(name: str, shape: str) -> NumberShape:
    """Return a pattern's shape: ``#`` a digit, ``@`` a letter, ``?`` either, ``[2-9]`` some digits, ``-`` a separator.

    Any other letter or digit stands for itself. Raises ``InvalidShape``.
    """
    elements: list[str] = []
    groups: list[int] = []
    end = 0
    for match in _SHAPE_ELEMENT.finditer(shape):
        if match.start() != end:
            break
        end = match.end()
        if match[0] == "-":
            groups.append(len(elements))
        else:
            elements.append(_element_class(match))
    if end != len(shape) or not shape:
        raise InvalidShape(
            f"{shape[end : end + 8]!r} is none of #, @, ?, [2-9], -, a letter or a digit",
            f"{shape[end : end + 8]!r} 不是 #、@、?、[2-9]、-、字母或数字",
        )
    if not 5 <= len(elements) <= 30 or sum(_is_digit(each) for each in elements) < 4:
        raise InvalidShape(
            "it needs 5 to 30 characters, at least 4 of them digits, or it would mask what is no number",
            "须有 5 至 30 个字符，其中至少 4 个数字，否则会遮盖不是号码的内容",
        )
    is_numeric = all(map(_is_digit, elements))
    if not is_numeric and groups:
        raise InvalidShape("a separator can be required in shapes of digits only", "只有全为数字的形式才能要求分隔符")
    joined = "".join(elements) if is_numeric else SEPARATORS.join(elements)
    pattern = joined if is_numeric else rf"(?<![a-z0-9]){joined}(?![a-z0-9])"
    return NumberShape(name, re.compile(pattern), len(elements), is_numeric, tuple(groups))


def _is_digit(element: str) -> bool:
    return element.isdecimal() or element[:2].strip("[").isdecimal()


def _element_class(match: re.Match[str]) -> str:
    if match[1] is not None:
        if match[1] > match[2]:
            raise InvalidShape(f"{match[0]} runs backwards", f"{match[0]} 的首尾颠倒")
        return match[0]
    return {"#": "[0-9]", "@": "[a-z]", "?": "[0-9a-z]"}.get(match[0], re.escape(match[0].lower()))


@dataclass(frozen=True)
class MaskingTerms:
    """The words, names and patterns by which the texts of one city are masked."""

    thing_words: Collection[str] = ()
    personal_words: Collection[str] = ()
    account_words: Collection[str] = ()
    place_suffixes: Collection[str] = ()
    place_suffix_exceptions: Collection[str] = ()
    place_names: frozenset[str] = frozenset()
    """Folded: no name that is part of one eats it, and no address that is one is masked."""
    codes: frozenset[str] = frozenset()
    """Numbers of the city's own grid cells, which look like old identity numbers."""
    shapes: Sequence[NumberShape] = field(default=())

    @classmethod
    def of(cls, words: Mapping[str, Collection[str]]) -> Self:
        """Return the terms of these words, by their field."""
        return cls(
            thing_words=words["thing_words"],
            personal_words=words["personal_words"],
            account_words=words["account_words"],
            place_suffixes=words["place_suffixes"],
            place_suffix_exceptions=words["place_suffix_exceptions"],
        )

    @cached_property
    def numeric_shapes(self) -> tuple[NumberShape, ...]:
        """The patterns of digits only, which may be grouped in any way; longest first."""
        numeric = [shape for shape in self.shapes if shape.is_numeric]
        return tuple(sorted(numeric, key=lambda shape: -shape.size))

    @cached_property
    def mixed_shapes(self) -> tuple[NumberShape, ...]:
        """The patterns with letters."""
        return tuple(shape for shape in self.shapes if not shape.is_numeric)

    @cached_property
    def _folded_thing_words(self) -> tuple[str, ...]:
        return _fold_words(self.thing_words)

    @cached_property
    def _folded_personal_words(self) -> tuple[str, ...]:
        return _fold_words(self.personal_words)

    @cached_property
    def _folded_account_words(self) -> tuple[str, ...]:
        return _fold_words(self.account_words)

    @cached_property
    def _thing_after(self) -> re.Pattern[str]:
        return re.compile(rf"[ \t]?(?:号|#)[ \t]?(?:{_alternation(self.thing_words)})")

    @cached_property
    def _account_hint(self) -> re.Pattern[str]:
        return re.compile("|".join(map(re.escape, self._folded_account_words)) or "(?!)")

    @cached_property
    def _account(self) -> re.Pattern[str]:
        # Without a label it might be any word, unless it holds digits.
        token = rf"(?:(?:{_ACCOUNT_LABEL})({_ACCOUNT})|[\W_]{{0,3}}+((?=[a-z]*[0-9_]){_ACCOUNT}))"
        return re.compile(f"(?:{_alternation(self.account_words)}){token}")

    @cached_property
    def _place_after(self) -> re.Pattern[str]:
        suffixes = _alternation(self.place_suffixes, boundary=r"\b")
        return re.compile(rf"[ .]{{0,2}}(?!{_alternation(self.place_suffix_exceptions)})(?:{suffixes})")

    def find_accounts(self, text: str) -> Iterator[tuple[int, int]]:
        """Yield the spans of accounts of persons in a folded text: what follows 微信号, QQ, passport..."""
        if self._account_hint.search(text):
            for match in self._account.finditer(text):
                yield match.span(1 if match[1] is not None else 2)

    def marks_thing(self, text: str, start: int, end: int) -> bool:
        """Return whether the words of a folded text around a number say that it is a thing's."""
        before = text[max(0, start - _LOOK_BACK) : start]
        owner = _strip_word(before, self._folded_thing_words, _THING_LABELS, _THING_PUNCTUATION)
        if owner is not None:
            return _strip_word(owner, self._folded_personal_words, (), " ") is None
        if text[end : end + 2].lstrip()[:1] not in ("号", "#"):
            return False
        return bool(self._thing_after.match(text, end)) and not self.marks_person(text, start)

    def marks_person(self, text: str, start: int) -> bool:
        """Return whether the words before a number of a folded text say that it is a person's."""
        before = text[max(0, start - _LOOK_BACK) : start]
        return _strip_word(before, self._folded_personal_words, _PERSONAL_LABELS, _PERSONAL_PUNCTUATION) is not None

    def is_part_of_place(self, text: str, start: int, end: int) -> bool:
        """Return whether a name at this span of a folded text is part of the name of a place."""
        if self._place_after.match(text, end):
            return True
        name = text[start:end]
        return any(_covers(place, text, start, end) for place in self.place_names if name in place and name != place)


def _strip_word(text: str, words: tuple[str, ...], labels: tuple[str, ...], punctuation: str) -> str | None:
    """Return what stands before the word that a text ends with, labels and punctuation behind it aside."""
    for _ in range(_MAX_LABELS):
        if text.endswith(words):
            for word in words:
                rest = text.removesuffix(word)
                if len(rest) < len(text) and not (word[0].isascii() and rest[-1:].isascii() and rest[-1:].isalpha()):
                    return rest
        shorter = text.rstrip(punctuation)
        if len(shorter) == len(text):
            shorter = next((text.removesuffix(label) for label in labels if text.endswith(label)), text)
        if len(shorter) == len(text):
            return None
        text = shorter
    return None


def _covers(place: str, text: str, start: int, end: int) -> bool:
    found = text.find(place, max(0, end - len(place)))
    return 0 <= found <= start


def _fold_words(words: Collection[str]) -> tuple[str, ...]:
    return tuple(sorted({fold(word).text for word in words}, key=lambda word: (-len(word), word)))


def _alternation(words: Collection[str], *, boundary: str = "") -> str:
    # Longest first. A Latin word must not be the end of another one.
    folded = _fold_words(words)
    return (
        "|".join(rf"(?<![a-z]){re.escape(word)}{boundary}" if word[0].isascii() else re.escape(word) for word in folded)
        or "(?!)"
    )


def place_key(name: str) -> str:
    """Return the form in which names of places are compared."""
    return fold(name).text


def _load_common_words() -> Mapping[str, tuple[str, ...]]:
    text = resources.files("paidan_contracts").joinpath("pii_defaults.toml").read_text(encoding="utf-8")
    return {name: tuple(words) for name, words in tomllib.loads(text).items()}


COMMON_WORDS: Final = _load_common_words()
"""The words of every city, by the field of ``MaskingTerms``."""
COMMON_TERMS: Final = MaskingTerms.of(COMMON_WORDS)
