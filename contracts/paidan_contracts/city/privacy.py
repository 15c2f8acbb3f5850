"""What a city adds to the masking of personal data: words, and patterns of its own numbers."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Annotated, Final

from pydantic import Field, StringConstraints

from paidan_contracts.city.geography import Geography
from paidan_contracts.city.pack_types import PackModel
from paidan_contracts.pii_kinds import is_old_identity_number
from paidan_contracts.pii_words import COMMON_WORDS, MaskingTerms, NumberShape, parse_shape, place_key
from paidan_contracts.wire import Slug

Word = Annotated[str, StringConstraints(min_length=1, max_length=40, pattern=r"^[^\x00-\x1f0-9]+$")]
"""A word without digits: 井盖, meter."""
ShapeText = Annotated[str, StringConstraints(min_length=1, max_length=80)]
WORD_LISTS: Final = ("thing_words", "personal_words", "account_words", "place_suffixes", "place_suffix_exceptions")


class NumberPattern(PackModel):
    """A kind of number that identifies or reaches a person in this city."""

    name: Slug = Field(description="The kind under which masked values are counted, such as telephone.")
    shapes: tuple[ShapeText, ...] = Field(
        min_length=1,
        description="``[2-9]##[2-9]######``: # is a digit, @ a letter, ? either, - a separator that must stand there;"
        " any other separators may stand anywhere, and any other letter or digit stands for itself.",
    )


class PrivacyPolicy(PackModel):
    """The file privacy.toml. Its words come in addition to the common ones."""

    thing_words: tuple[Word, ...] = Field(default=(), description="A number beside one of these is a thing's: kept.")
    personal_words: tuple[Word, ...] = Field(default=(), description="A number behind one of these is a person's.")
    account_words: tuple[Word, ...] = Field(default=(), description="What follows names a person's account.")
    place_suffixes: tuple[Word, ...] = Field(default=(), description="Makes the name before it the name of a place.")
    place_suffix_exceptions: tuple[Word, ...] = Field(default=(), description="Begins so, and names no place.")
    without_words: tuple[Word, ...] = Field(default=(), description="Common words that do not apply in this city.")
    patterns: tuple[NumberPattern, ...] = ()


def masking_terms(policy: PrivacyPolicy | None, geography: Geography) -> MaskingTerms:
    """Return what the texts of a city are masked by; the patterns of the policy must be valid."""
    policy = policy or PrivacyPolicy()
    words = {
        name: frozenset([*COMMON_WORDS[name], *getattr(policy, name)]) - set(policy.without_words)
        for name in WORD_LISTS
    }
    names = [name for place in geography.places for name in (place.names.zh, place.names.en)]
    return replace(
        MaskingTerms.of(words),
        place_names=frozenset(map(place_key, names)),
        codes=frozenset(_misleading_codes(geography)),
        shapes=tuple(_shapes(policy)),
    )


def _shapes(policy: PrivacyPolicy) -> Iterator[NumberShape]:
    for pattern in policy.patterns:
        for shape in pattern.shapes:
            yield parse_shape(pattern.name, shape)


def _misleading_codes(geography: Geography) -> Iterator[str]:
    """Yield the codes of grid cells that look like old identity numbers."""
    for run in geography.grid.runs if geography.grid else ():
        if len(run.community) == 12 and is_old_identity_number(f"{run.community}000"):
            for number in range(run.first, run.first + run.end - run.begin):
                yield f"{run.community}{number:03d}"
