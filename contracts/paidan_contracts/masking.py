"""Telephone, identity and card numbers found in free text and blotted out of what travels. Pure."""

import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Final, Literal

Kind = Literal["mobile", "landline", "identity", "card", "named"]
"""``named``: the reporter's own name, telephone or address, found again in the text."""

BLOT: Final = "*"
# Full-width digits, signs and spaces mean the same to whoever reads them; one for one, so that positions stay.
_WIDE_FORMS: Final = "０１２３４５６７８９＋－（）ｘＸ　—–‐‑·"
_NARROW: Final = str.maketrans(_WIDE_FORMS, "0123456789+-()xX -----")
_WIDE: Final = re.compile(f"[{_WIDE_FORMS}]")
# Where a number could be at all: looked for first, for most of a text is words.
_MAYBE: Final = re.compile(r"[+(]*[0-9][0-9 ()+-]{5,}[0-9xX]")
_IDENTITY: Final = re.compile(r"(?<![0-9])[1-9][0-9]{5}[ -]?(?:19|20)[0-9]{6}[ -]?[0-9]{3}[0-9xX](?![0-9])")
_CARD: Final = re.compile(r"(?<![0-9])[3-69][0-9]{3}(?:[ -]?[0-9]{4}){2}[ -]?[0-9]{1,4}(?:[ -]?[0-9]{1,3})?(?![0-9])")
_MOBILE: Final = re.compile(r"(?<![0-9])(?:(?:\+|00)?86[ -]?)?1[3-9][0-9][ -]?[0-9]{4}[ -]?[0-9]{4}(?![0-9])")
_LANDLINE: Final = re.compile(
    r"(?<![0-9])(?:(?:\+|00)86[ -]?\(?0?[1-9][0-9]{1,2}\)?|\(0?[1-9][0-9]{1,2}\)|0[1-9][0-9]{1,2})"
    r" ?-? ?[2-8][0-9]{2,3}[ -]?[0-9]{4}(?![0-9])"
)
_WEIGHTS: Final = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
_CHECK: Final = "10X98765432"


@dataclass(frozen=True, slots=True)
class Masked:
    """Text fit to travel, as long as it was, and how many of each kind were blotted out of it."""

    text: str
    found: Mapping[Kind, int] = field(default_factory=dict)


_NOTHING: Final = Masked("")


def mask(text: str, *, own: Sequence[str] = ()) -> Masked:
    """Blot out every telephone, identity and bank card number, and the words that are the reporter's own.

    Identity cards are known by their date and check digit, bank cards by theirs (Luhn), so that order numbers and
    grid codes stay readable. Masking what is masked changes nothing.
    """
    if not text:
        return _NOTHING
    flat = text.translate(_NARROW) if _WIDE.search(text) else text
    spans = [*_numbers(flat), *_own(flat, own)]
    if not spans:
        return Masked(text)
    found: Counter[Kind] = Counter()
    for kind, begin, end in spans:
        if BLOT * (end - begin) != text[begin:end]:
            found[kind] += 1
            text = text[:begin] + BLOT * (end - begin) + text[end:]
    return Masked(text, dict(found))


def _numbers(flat: str) -> Iterator[tuple[Kind, int, int]]:
    for candidate in _MAYBE.finditer(flat):
        part = candidate[0]
        # Longest first, and each blotted before the next is looked for: an identity number holds a mobile's digits.
        for kind, pattern, holds in _KINDS:
            for match in pattern.finditer(part):
                if holds(match[0]):
                    yield kind, candidate.start() + match.start(), candidate.start() + match.end()
                    part = part[: match.start()] + BLOT * len(match[0]) + part[match.end() :]


def _own(flat: str, words: Sequence[str]) -> Iterator[tuple[Kind, int, int]]:
    for word in words:
        sought = word.translate(_NARROW).strip()
        if len(sought) < 2:  # a lone surname would blot out half the text
            continue
        begin = flat.find(sought)
        while begin >= 0:
            yield "named", begin, begin + len(sought)
            begin = flat.find(sought, begin + len(sought))


def is_identity(text: str) -> bool:
    """Tell whether these are the 18 digits of an identity card: a date that exists and the right check digit."""
    digits = _bare(text).upper()
    if len(digits) != 18:
        return False
    try:
        date(int(digits[6:10]), int(digits[10:12]), int(digits[12:14]))
    except ValueError:
        return False
    total = sum(weight * int(digit) for weight, digit in zip(_WEIGHTS, digits, strict=False))
    return _CHECK[total % 11] == digits[17]


def is_card(text: str) -> bool:
    """Tell whether these are the 15 to 19 digits of a bank card, by Luhn's sum."""
    digits = _bare(text)
    if not (15 <= len(digits) <= 19 and digits.isdecimal()):
        return False
    if len(digits) == 15 and digits[:2] not in ("34", "37"):  # grid cells have 15 digits, too
        return False
    doubled = [int(digit) * (1 + index % 2) for index, digit in enumerate(reversed(digits))]
    return sum(each - 9 if each > 9 else each for each in doubled) % 10 == 0


def _bare(text: str) -> str:
    return text.replace(" ", "").replace("-", "")


def _always(_text: str) -> bool:
    return True


_KINDS: Final[tuple[tuple[Kind, re.Pattern[str], Callable[[str], bool]], ...]] = (
    ("identity", _IDENTITY, is_identity),
    ("card", _CARD, is_card),
    ("mobile", _MOBILE, _always),
    ("landline", _LANDLINE, _always),
)
