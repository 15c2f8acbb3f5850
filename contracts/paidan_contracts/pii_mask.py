"""Masks personal data in free text: telephone, identity and bank card numbers, and the reporter's own details."""

import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Final, Literal

MaskedKind = Literal["mobile", "landline", "identity", "card", "named"]
"""``named``: the reporter's own name, telephone or address, repeated in the text."""

MASK_CHARACTER: Final = "*"
# Full-width forms read the same; replaced one for one, so that positions in the text stay.
_FULL_WIDTH_FORMS: Final = "０１２３４５６７８９＋－（）ｘＸ　—–‐‑·"
_TO_HALF_WIDTH: Final = str.maketrans(_FULL_WIDTH_FORMS, "0123456789+-()xX -----")
_FULL_WIDTH: Final = re.compile(f"[{_FULL_WIDTH_FORMS}]")
# Searched for first, because most texts hold no number at all.
_CANDIDATE: Final = re.compile(r"[+(]*[0-9][0-9 ()+-]{5,}[0-9xX]")
_IDENTITY_NUMBER: Final = re.compile(r"(?<![0-9])[1-9][0-9]{5}[ -]?(?:19|20)[0-9]{6}[ -]?[0-9]{3}[0-9xX](?![0-9])")
_CARD_NUMBER: Final = re.compile(
    r"(?<![0-9])[3-69][0-9]{3}(?:[ -]?[0-9]{4}){2}[ -]?[0-9]{1,4}(?:[ -]?[0-9]{1,3})?(?![0-9])"
)
_MOBILE_NUMBER: Final = re.compile(r"(?<![0-9])(?:(?:\+|00)?86[ -]?)?1[3-9][0-9][ -]?[0-9]{4}[ -]?[0-9]{4}(?![0-9])")
_LANDLINE_NUMBER: Final = re.compile(
    r"(?<![0-9])(?:(?:\+|00)86[ -]?\(?0?[1-9][0-9]{1,2}\)?|\(0?[1-9][0-9]{1,2}\)|0[1-9][0-9]{1,2})"
    r" ?-? ?[2-8][0-9]{2,3}[ -]?[0-9]{4}(?![0-9])"
)
_WEIGHTS: Final = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
_CHECK_DIGITS: Final = "10X98765432"
_AMERICAN_EXPRESS_PREFIXES: Final = ("34", "37")
"""Of the only card numbers with 15 digits."""


@dataclass(frozen=True, slots=True)
class MaskedText:
    """A text without personal data, as long as it was, and how many values of each kind were masked."""

    text: str
    counts: Mapping[MaskedKind, int] = field(default_factory=dict)


_EMPTY: Final = MaskedText("")


def mask(text: str, *, reporter_terms: Sequence[str] = ()) -> MaskedText:
    """Replace every telephone, identity and bank card number and each of ``reporter_terms`` by asterisks.

    Identity and bank card numbers must have a valid check digit, so that order numbers and grid codes stay readable.
    Idempotent: masking a masked text changes nothing.
    """
    if not text:
        return _EMPTY
    normalized = text.translate(_TO_HALF_WIDTH) if _FULL_WIDTH.search(text) else text
    spans = [*_find_numbers(normalized), *_find_terms(normalized, reporter_terms)]
    if not spans:
        return MaskedText(text)
    counts: Counter[MaskedKind] = Counter()
    for kind, start, end in spans:
        if MASK_CHARACTER * (end - start) != text[start:end]:
            counts[kind] += 1
            text = text[:start] + MASK_CHARACTER * (end - start) + text[end:]
    return MaskedText(text, dict(counts))


def _find_numbers(normalized: str) -> Iterator[tuple[MaskedKind, int, int]]:
    for candidate in _CANDIDATE.finditer(normalized):
        remaining = candidate[0]
        # Longest first, each masked before the next is searched for: an identity number contains a mobile number.
        for kind, pattern, is_valid in _DETECTORS:
            for match in pattern.finditer(remaining):
                if is_valid(match[0]):
                    yield kind, candidate.start() + match.start(), candidate.start() + match.end()
                    remaining = remaining[: match.start()] + MASK_CHARACTER * len(match[0]) + remaining[match.end() :]


def _find_terms(normalized: str, terms: Sequence[str]) -> Iterator[tuple[MaskedKind, int, int]]:
    for term in terms:
        needle = term.translate(_TO_HALF_WIDTH).strip()
        if len(needle) < 2:  # a surname of one character would mask half the text
            continue
        start = normalized.find(needle)
        while start >= 0:
            yield "named", start, start + len(needle)
            start = normalized.find(needle, start + len(needle))


def is_identity_number(text: str) -> bool:
    """Return whether a text is an identity number: 18 digits with an existing date and the right check digit."""
    digits = _strip_separators(text).upper()
    if len(digits) != 18:
        return False
    try:
        date(int(digits[6:10]), int(digits[10:12]), int(digits[12:14]))
    except ValueError:
        return False
    total = sum(weight * int(digit) for weight, digit in zip(_WEIGHTS, digits, strict=False))
    return _CHECK_DIGITS[total % 11] == digits[17]


def is_card_number(text: str) -> bool:
    """Return whether a text is a bank card number: 15 to 19 digits with a valid Luhn checksum."""
    digits = _strip_separators(text)
    if not (15 <= len(digits) <= 19 and digits.isdecimal()):
        return False
    if len(digits) == 15 and digits[:2] not in _AMERICAN_EXPRESS_PREFIXES:
        return False  # it may be a grid cell's code
    doubled = [int(digit) * (1 + index % 2) for index, digit in enumerate(reversed(digits))]
    return sum(each - 9 if each > 9 else each for each in doubled) % 10 == 0


def _strip_separators(text: str) -> str:
    return text.replace(" ", "").replace("-", "")


def _accept_any(_text: str) -> bool:
    return True


_DETECTORS: Final[tuple[tuple[MaskedKind, re.Pattern[str], Callable[[str], bool]], ...]] = (
    ("identity", _IDENTITY_NUMBER, is_identity_number),
    ("card", _CARD_NUMBER, is_card_number),
    ("mobile", _MOBILE_NUMBER, _accept_any),
    ("landline", _LANDLINE_NUMBER, _accept_any),
)
