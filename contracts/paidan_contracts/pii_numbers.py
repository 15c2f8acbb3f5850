"""Finds numbers of persons in a folded text: by their kind, by the pack's patterns, and by the words before them."""

from collections.abc import Collection, Iterator
from typing import Final, NamedTuple

from paidan_contracts.digit_clusters import MIN_DIGITS, DigitCluster, find_clusters
from paidan_contracts.pii_kinds import (
    KINDS_BY_DIGIT,
    NUMBER_KINDS,
    NumberKind,
    is_mobile_number,
    is_service_number,
    with_end,
)
from paidan_contracts.pii_words import MaskingTerms, NumberShape

LOOSE_KINDS: Final = frozenset({"identity", "card", "mobile", "landline"})
"""Kinds that are looked for among Chinese numerals and enclosed digits, too."""
_MAX_DIGITS: Final = 19


class FoundData(NamedTuple):
    """Personal data in a folded text."""

    kind: str
    start: int
    end: int


def find_numbers(
    text: str, terms: MaskingTerms, own_numbers: Collection[str], kinds: Collection[str] | None = None
) -> Iterator[FoundData]:
    """Yield the numbers of persons in a folded text, or those of these kinds alone.

    ``own_numbers``: the reporter's, digits only; they are found even where words mark them as a thing's.
    """
    for cluster in find_clusters(text):
        yield from _find_in_cluster(cluster, terms, own_numbers, kinds)
    for shape in terms.mixed_shapes if kinds is None else ():
        for match in shape.pattern.finditer(text):
            if not terms.marks_thing(text, *match.span()):
                yield FoundData(shape.name, *match.span())


def _find_in_cluster(
    cluster: DigitCluster, terms: MaskingTerms, own_numbers: Collection[str], kinds: Collection[str] | None
) -> Iterator[FoundData]:
    for number in own_numbers:
        yield from _find_own(cluster, number)
    for kind in NUMBER_KINDS if len(cluster.group_starts) > 1 else KINDS_BY_DIGIT[cluster.digits[0]]:
        if cluster.is_decided:
            return
        if kinds is None or kind.name in kinds:
            yield from _find_kind(cluster, kind, terms)
    if kinds is None:
        for shape in terms.numeric_shapes:
            yield from _find_shape(cluster, shape, terms)
        yield from _find_marked(cluster, terms)


def _find_own(cluster: DigitCluster, number: str) -> Iterator[FoundData]:
    start = cluster.digits.find(number)
    while start >= 0:
        end = start + len(number)
        cluster.take(start, end)
        yield FoundData("mobile" if is_mobile_number(number) else "named", *cluster.span(start, end))
        start = cluster.digits.find(number, end)


def _find_kind(cluster: DigitCluster, kind: NumberKind, terms: MaskingTerms) -> Iterator[FoundData]:
    for start in cluster.starts():
        if cluster.digits[start] not in kind.first_digits:
            continue
        for length in kind.lengths(cluster, start):
            end = start + length
            if not cluster.is_free(start, end) or not (kind.is_proven or cluster.is_plausible(start, end)):
                continue
            cluster.take(start, end)
            first, last = cluster.span(start, end)
            is_thing = cluster.digits[start:end] in terms.codes or terms.marks_thing(cluster.text, first, last)
            if kind.is_proven or not is_thing:
                yield FoundData(kind.name, first, with_end(kind.name, cluster.text, last))
            break


def _find_shape(cluster: DigitCluster, shape: NumberShape, terms: MaskingTerms) -> Iterator[FoundData]:
    for start in cluster.starts():
        match = shape.pattern.match(cluster.digits, start)
        if match is None or not cluster.ends_group(match.end()) or not cluster.is_free(start, match.end()):
            continue
        if not all(cluster.ends_group(start + size) for size in shape.groups):
            continue
        if cluster.is_plausible(start, match.end()):
            cluster.take(start, match.end())
            if not terms.marks_thing(cluster.text, *cluster.span(start, match.end())):
                yield FoundData(shape.name, *cluster.span(start, match.end()))


def _find_marked(cluster: DigitCluster, terms: MaskingTerms) -> Iterator[FoundData]:
    """Yield a local telephone number or the like, which only the word before it shows to be a person's."""
    if 0 in cluster.taken or not terms.marks_person(cluster.text, cluster.span(0, 1)[0]):
        return
    end = next(
        end
        for end in range(1, len(cluster.digits) + 1)
        if cluster.ends_group(end) and (end >= MIN_DIGITS or is_service_number(cluster.digits[:end]))
    )
    if end > _MAX_DIGITS or is_service_number(cluster.digits[:end]):
        return
    if cluster.is_free(0, end) and cluster.is_plausible(0, end):
        cluster.take(0, end)
        yield FoundData("telephone", *cluster.span(0, end))
