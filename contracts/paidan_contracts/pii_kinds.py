"""The kinds of numbers that identify or reach a person: how each begins, how long it is, what proves it."""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date
from typing import Final, TypeAlias

from paidan_contracts.digit_clusters import SEPARATORS, DigitCluster

Lengths: TypeAlias = Callable[[DigitCluster, int], Iterator[int]]
"""Yields the lengths that a number at this digit may have, best first."""

_IDENTITY_END: Final = re.compile(rf"{SEPARATORS}x(?![0-9])")
_EXTENSION: Final = re.compile(r"[ \t,(-]{0,3}(?:转|分机|ext\.?|x)[ \t:号]{0,3}([0-9]{1,6})(?![0-9])")
_SERVICE_NUMBER: Final = re.compile(r"(?:400|800)[0-9]{7}|9[56][0-9]{3,6}|1[0-2][0-9]|12[0-9]{3}")
_WEIGHTS: Final = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
_CHECK_DIGITS: Final = "10X98765432"
_PROVINCES: Final = frozenset(
    [*range(11, 16), 21, 22, 23, *range(31, 38), *range(41, 47), *range(50, 55), *range(61, 66), 71, 81, 82]
)
_OLDEST_BIRTH_YEAR: Final = "20"
"""Of the old identity numbers, which have two digits for the year: below, it is the code of a street."""
_AMERICAN_EXPRESS_PREFIXES: Final = ("34", "37")
"""Of the only card numbers with 15 digits."""
_INTERNATIONAL_LENGTHS: Final = {
    "852": (11,), "853": (11,), "886": (12, 11), "1": (11,), "7": (11,), "44": (12,), "61": (11,), "65": (10,),
    "81": (12, 11), "82": (12, 11),
}  # fmt: skip
"""Digits with the country's code. Of other countries the longest that a telephone number may have are taken."""


@dataclass(frozen=True, slots=True)
class NumberKind:
    """A kind of number: the digits it may begin with, its lengths, whether a check digit and a date prove it."""

    name: str
    first_digits: str
    lengths: Lengths
    is_proven: bool = False


def with_end(name: str, text: str, end: int) -> int:
    """Return where a number ends with what follows its digits: the X of an identity number, a landline's extension."""
    if name == "identity":
        found = _IDENTITY_END.match(text, end)
        return found.end() if found else end
    found = _EXTENSION.match(text, end) if name == "landline" else None
    return found.end(1) if found else end


def is_service_number(digits: str) -> bool:
    """Return whether digits are a number of a service that everybody may know: 110, 12345, 95598, 400..."""
    return bool(_SERVICE_NUMBER.fullmatch(digits))


def is_mobile_number(digits: str) -> bool:
    """Return whether digits are a mobile number without its country's code."""
    return len(digits) == 11 and digits[0] == "1" and digits[1] in "3456789"


def _lengths(pattern: str, *, longest: int, shortest: int) -> Lengths:
    compiled = re.compile(pattern)

    def lengths(cluster: DigitCluster, start: int) -> Iterator[int]:
        if compiled.match(cluster.digits, start) is None:
            return
        for end in range(min(start + longest, len(cluster.digits)), start + shortest - 1, -1):
            if cluster.ends_group(end) and compiled.fullmatch(cluster.digits, start, end):
                yield end - start

    return lengths


def _identity_lengths(cluster: DigitCluster, start: int) -> Iterator[int]:
    digits = cluster.digits[start : start + 18]
    if len(digits) == 18 and cluster.ends_group(start + 18) and is_identity_number(digits):
        yield 18
    elif len(digits) >= 17 and cluster.ends_group(start + 17) and is_identity_number(digits[:17] + "X"):
        yield from (17,) if _IDENTITY_END.match(cluster.text, cluster.positions[start + 16] + 1) else ()


def _old_identity_lengths(cluster: DigitCluster, start: int) -> Iterator[int]:
    if cluster.ends_group(start + 15) and is_old_identity_number(cluster.digits[start : start + 15]):
        yield 15


def _card_lengths(cluster: DigitCluster, start: int) -> Iterator[int]:
    for end in range(min(start + 19, len(cluster.digits)), start + 14, -1):
        if cluster.ends_group(end) and is_card_number(cluster.digits[start:end]):
            yield end - start


def _international_lengths(cluster: DigitCluster, start: int) -> Iterator[int]:
    if cluster.before(start, 2).rstrip("( ").endswith("+"):
        skipped = 0
    elif re.match("00[1-9]", cluster.digits[start : start + 3]):
        skipped = 2
    else:
        return
    number = cluster.digits[start + skipped : start + skipped + 15]
    if number.startswith("0"):
        return
    known = next((lengths for code, lengths in _INTERNATIONAL_LENGTHS.items() if number.startswith(code)), ())
    for length in (*known, *range(15, 7, -1)):
        if length <= len(number) and cluster.ends_group(start + skipped + length):
            yield skipped + length


def _bracketed_lengths(cluster: DigitCluster, start: int) -> Iterator[int]:
    if cluster.before(start, 1) == "(":
        yield from _BRACKETED(cluster, start)


_BRACKETED: Final = _lengths(r"[1-9][0-9]{1,2}[2-8][0-9]{6,7}", longest=11, shortest=9)
NUMBER_KINDS: Final = (
    NumberKind("identity", "12345678", _identity_lengths, is_proven=True),
    NumberKind("card", "345679", _card_lengths),
    NumberKind("identity", "12345678", _old_identity_lengths),
    NumberKind("mobile", "018", _lengths(r"(?:(?:00)?86)?0?1[3-9][0-9]{9}", longest=16, shortest=11)),
    NumberKind("landline", "0", _lengths(r"0[1-9][0-9]{1,2}[2-8][0-9]{6,7}", longest=12, shortest=10)),
    NumberKind("landline", "08", _lengths(r"(?:00)?860?[1-9][0-9]{1,2}[2-8][0-9]{6,7}", longest=16, shortest=11)),
    NumberKind("telephone", "0123456789", _international_lengths),
    NumberKind("landline", "123456789", _bracketed_lengths),
)
"""In this order: what is longer and better proven first, for an identity number contains a mobile number."""
KINDS_BY_DIGIT: Final = {
    digit: tuple(kind for kind in NUMBER_KINDS if digit in kind.first_digits) for digit in "0123456789"
}


def is_identity_number(text: str) -> bool:
    """Return whether a text is an identity number: 18 digits with an existing date and the right check digit."""
    digits = _strip_separators(text).upper()
    if len(digits) != 18 or not digits[:17].isdecimal() or digits[6:8] not in ("19", "20"):
        return False
    if not _is_date(digits[6:14]):
        return False
    total = sum(weight * int(digit) for weight, digit in zip(_WEIGHTS, digits, strict=False))
    return _CHECK_DIGITS[total % 11] == digits[17]


def is_old_identity_number(text: str) -> bool:
    """Return whether a text is an identity number of before 1999: 15 digits with a province and an existing date."""
    if len(text) != 15 or int(text[:2]) not in _PROVINCES:
        return False
    return text[6:8] >= _OLDEST_BIRTH_YEAR and _is_date("19" + text[6:12])


def _is_date(digits: str) -> bool:
    try:
        date(int(digits[:4]), int(digits[4:6]), int(digits[6:]))
    except ValueError:
        return False
    return True


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
