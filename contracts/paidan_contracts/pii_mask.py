"""Masks personal data in free text: numbers, addresses and accounts of persons, and the reporter's own details.

A text is folded first (text_forms), so that one pattern finds every spelling. No pattern is more than linear.
"""

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import Final, NamedTuple

from paidan_contracts.digit_clusters import MIN_DIGITS, SEPARATORS
from paidan_contracts.pii_numbers import LOOSE_KINDS, FoundData, find_numbers
from paidan_contracts.pii_words import COMMON_TERMS, MaskingTerms
from paidan_contracts.text_forms import FoldedText, clean, fold, squeeze

MASK_CHARACTER: Final = "*"
# Searched for first, because most texts hold nothing but ideographs and common punctuation.
_NUMERALS: Final = "〇零一二三四五六七八九幺壹贰叁肆伍陆柒捌玖"
_SUSPECT: Final = re.compile(
    r"[^ \t\n!-?\[-^`{-~\u3000-\u3006\u3008-\u303f\u3400-\u9fff，。！？：；（）、“”‘’…—《》·]"
    rf"|[0-9](?:{SEPARATORS}[0-9]){{4}}|[{_NUMERALS}](?:{SEPARATORS}[0-9{_NUMERALS}]){{2}}"
    rf"|[0-9]{SEPARATORS}[{_NUMERALS}]{SEPARATORS}[0-9]"
)
_ENCLOSED: Final = "²³¹⁰-₉①-⒛⓪-⓿❶-➓㈠-㈩㉈-㉟㊀-㊉㊱-㊿\U0001f100-\U0001f10c"
_MAY_BE_LOOSE: Final = re.compile(f"[{_NUMERALS}{_ENCLOSED}]")
# Three Chinese numerals, one between digits, or one enclosed, raised or lowered digit.
_LOOSE_DIGITS: Final = re.compile(
    f"(?:[{_NUMERALS}][^{_NUMERALS}]*){{3}}|[0-9]{SEPARATORS}[{_NUMERALS}]|[{_NUMERALS}]{SEPARATORS}[0-9]|[{_ENCLOSED}]"
)
_MAY_BE_NUMBER: Final = re.compile(r"[\W_]*[0-9]|[\W_]*\d")
_MASKED_RUN: Final = re.compile(r"\*{2,}")
_EMAIL: Final = re.compile(r"(?<=[a-z0-9._%+-])[ \t]{0,2}@[ \t]{0,2}(?:[a-z0-9-]{1,63}+\.){1,8}[a-z]{2,24}+")
_EMAIL_NAME: Final = "abcdefghijklmnopqrstuvwxyz0123456789._%+-"
_PLATE: Final = re.compile(
    rf"[京津沪渝冀豫云辽黑湘皖鲁新苏浙赣鄂桂甘晋蒙陕吉闽贵粤青藏川宁琼]{SEPARATORS}[a-hj-z]"
    rf"(?:{SEPARATORS}[a-hj-np-z0-9]){{4}}(?:{SEPARATORS}[挂学警港澳领试超]"
    rf"|{SEPARATORS}[a-hj-np-z0-9](?:[a-hj-np-z0-9]|挂|学|警|港|澳|领|试|超)?(?![a-z0-9]))"
)
_PLATE_DIGITS: Final = 3


class MaskedText(NamedTuple):
    """A text without personal data, and how many values of each kind were masked.

    Kinds: ``identity``, ``card``, ``mobile``, ``landline``, ``telephone``, ``email``, ``plate``, ``account``, those
    that the pack names, and ``named``: the reporter's own name, telephone or address.
    """

    text: str
    counts: Mapping[str, int] = MappingProxyType({})


_EMPTY: Final = MaskedText("")


def mask(text: str, *, reporter_terms: Sequence[str] = (), terms: MaskingTerms = COMMON_TERMS) -> MaskedText:
    """Replace personal data in a text by asterisks, and remove control characters and the like (``clean``).

    ``reporter_terms``: the reporter's name, telephone and address. Identity and bank card numbers must have a valid
    check digit, and words that mark a number as a thing's let it stay. Idempotent: a masked text does not change.
    """
    if not text:
        return _EMPTY
    is_suspect = _SUSPECT.search(text) is not None
    if not is_suspect and not any(_may_contain(text, term) for term in reporter_terms):
        return MaskedText(text)
    masked = clean(text)
    counts: Counter[str] = Counter()
    folded = fold(masked)
    masked = _replace(masked, folded, _find(_hide_masks(folded), reporter_terms, terms), counts)
    if is_suspect and _MAY_BE_LOOSE.search(masked) and _LOOSE_DIGITS.search(masked):
        folded = fold(masked, loose=True)
        found = find_numbers(_hide_masks(folded).text, terms, frozenset(), LOOSE_KINDS)
        masked = _replace(masked, folded, found, counts)
    return MaskedText(masked, dict(counts))


def total_by_kind(masked_in: Mapping[str, Mapping[str, int]]) -> dict[str, int]:
    """Return how many values of each kind were masked in all fields."""
    total: Counter[str] = Counter()
    for counts in masked_in.values():
        total.update(counts)
    return dict(total)


def _may_contain(text: str, term: str) -> bool:
    return bool(term) and (term[0] in text or not term[0].isalnum())


def _hide_masks(folded: FoldedText) -> FoldedText:
    """Return a folded text whose masks are letters, so that no number reaches across one."""
    if MASK_CHARACTER * 2 not in folded.text:
        return folded
    return folded._replace(text=_MASKED_RUN.sub(lambda run: "口" * len(run[0]), folded.text))


def _replace(text: str, folded: FoldedText, found: Iterator[FoundData], counts: Counter[str]) -> str:
    characters: list[str] | None = None
    for kind, start, end in found:
        counts[kind] += 1
        first, last = folded.original_span(start, end)
        if characters is None:
            characters = list(text)
        characters[first:last] = MASK_CHARACTER * (last - first)
    return text if characters is None else "".join(characters)


def _find(folded: FoldedText, reporter_terms: Sequence[str], terms: MaskingTerms) -> Iterator[FoundData]:
    text = folded.text
    own_numbers: set[str] = set()
    for term in reporter_terms:
        if (number := _own_number(term)) is not None:
            own_numbers.add(number)
        else:
            yield from _find_term(text, term, terms)
    if "@" in text:
        yield from _find_emails(text)
    for match in _PLATE.finditer(text):
        if sum(each.isdecimal() for each in match[0]) >= _PLATE_DIGITS and not terms.marks_thing(text, *match.span()):
            yield FoundData("plate", *match.span())
    for start, end in terms.find_accounts(text):
        yield FoundData("account", start, end)
    yield from find_numbers(text, terms, frozenset(own_numbers))


def _find_emails(text: str) -> Iterator[FoundData]:
    for match in _EMAIL.finditer(text):
        before = text[max(0, match.start() - 64) : match.start()]
        yield FoundData("email", match.start() - len(before) + len(before.rstrip(_EMAIL_NAME)), match.end())


def _own_number(term: str) -> str | None:
    if not _MAY_BE_NUMBER.match(term):
        return None
    if len(term) == 11 and term.isascii() and term.isdecimal():
        return term
    digits = "".join([each for each in fold(term).text if each.isdecimal()])
    if len(digits) < MIN_DIGITS or any(each.isalpha() for each in term):
        return None
    return digits.removeprefix("86") if len(digits) == 13 else digits


def _find_term(text: str, term: str, terms: MaskingTerms) -> Iterator[FoundData]:
    """Yield where a folded text names the reporter's name, telephone or address, whatever stands between its letters.

    A name is passed over where it is part of a longer word or of the name of a place, and an address that is a place's.
    """
    folded = fold(term)
    needle = folded.text if folded.text.isalnum() else squeeze(folded).text
    if len(needle) < 2 or needle[0] not in text:  # a surname of one character would mask half the text
        return
    is_name = needle.isalpha()
    if is_name and fold(term.strip()).text in terms.place_names and len(needle) > 2:
        return
    squeezed = squeeze(FoldedText(text))
    found = squeezed.text.find(needle)
    while found >= 0:
        start, end = squeezed.original_span(found, found + len(needle))
        if not (is_name and (_is_inside_word(text, start, end) or terms.is_part_of_place(text, start, end))):
            yield FoundData("named", start, end)
        found = squeezed.text.find(needle, found + len(needle))


def _is_inside_word(text: str, start: int, end: int) -> bool:
    def joins(inner: str, outer: str) -> bool:
        return inner.isascii() and outer.isascii() and outer.isalnum()

    return joins(text[start], text[start - 1 : start]) or joins(text[end - 1], text[end : end + 1])
