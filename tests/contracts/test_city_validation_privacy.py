"""Validation of privacy.toml: each way in which it can be wrong is located and named."""

from pathlib import Path

import pytest

from paidan_contracts.city import load_city
from paidan_contracts.pii_mask import mask
from tests.contracts.city_packs import TINY, copy_pack
from tests.contracts.invalid_packs import InvalidPackCase, Mutate, diagnostic_for


def write_privacy(text: str) -> Mutate:
    def mutate(folder: Path) -> None:
        (folder / "privacy.toml").write_text(text, encoding="utf-8")

    return mutate


def pattern(shapes: str, name: str = "telephone") -> str:
    return f'[[patterns]]\nname = "{name}"\nshapes = {shapes}\n'


INVALID = {
    "an unknown part": ('words = ["表"]', "privacy.toml: words: unknown field"),
    "a word without characters": ('thing_words = [""]', "privacy.toml: thing_words.0: String should have at least 1"),
    "a word with digits": ('thing_words = ["表1"]', "privacy.toml: thing_words.0: String should match"),
    "a word given twice": ('thing_words = ["泵房", "泵房"]', "privacy.toml: thing_words: '泵房' is given 2 times"),
    "a common word": ('thing_words = ["井盖"]', "privacy.toml: thing_words: '井盖' is one of the common words already"),
    "a word in two senses": (
        'personal_words = ["井盖"]',
        "privacy.toml: thing_words: '井盖' cannot mark a thing's number and a person's",
    ),
    "a common word left out that is none": (
        'without_words = ["泵房"]',
        "privacy.toml: without_words: '泵房' is none of the common words",
    ),
    "a pattern without shapes": (pattern("[]"), "privacy.toml:1: telephone: shapes: Tuple should have at least 1"),
    "a pattern without a name": ('[[patterns]]\nshapes = ["#######"]', "privacy.toml:1: name: is missing"),
    "a pattern with a name of words": (
        pattern('["#######"]', "Phone number"),
        "privacy.toml:1: Phone number: name: String should match",
    ),
    "a pattern given twice": (
        pattern('["#######"]') + pattern('["########"]'),
        "privacy.toml:4: telephone: name: 'telephone' is given 2 times",
    ),
    "a regular expression": (
        pattern('["(#+)+"]'),
        "privacy.toml:1: telephone: shapes: '(#+)+': '(#+)+' is none of #, @, ?",
    ),
    "a shape of three digits": (
        pattern('["###"]'),
        "privacy.toml:1: telephone: shapes: '###': it needs 5 to 30 characters, at least 4 of them digits",
    ),
    "digits that run backwards": (
        pattern('["[9-2]######"]'),
        "privacy.toml:1: telephone: shapes: '[9-2]######': [9-2] runs backwards",
    ),
    "a separator in a shape with letters": (
        pattern('["@@-####"]'),
        "privacy.toml:1: telephone: shapes: '@@-####': a separator can be required in shapes of digits only",
    ),
    "broken TOML": ("thing_words = [", "privacy.toml: "),
}


@pytest.mark.parametrize("name", INVALID)
def test_invalid_privacy_policy_is_located_and_named(name: str, tmp_path: Path) -> None:
    text, expected = INVALID[name]

    assert diagnostic_for(InvalidPackCase(write_privacy(text), expected), tmp_path).startswith(expected)


def test_words_and_patterns_of_a_pack_come_beside_the_common_ones(tmp_path: Path) -> None:
    folder = copy_pack(TINY, tmp_path)
    write_privacy('thing_words = ["泵房"]\nwithout_words = ["路灯"]\n' + pattern('["8[1-3]###-##", "VIP####"]'))(folder)

    terms = load_city(folder).masking

    assert mask("泵房13900120034", terms=terms).text == "泵房13900120034"
    assert mask("路灯13900120034", terms=terms).counts == {"mobile": 1}
    assert mask("电表13900120034", terms=terms).counts == {}
    assert mask("8212345，82123-45，vip 1234", terms=terms).text == "8212345，********，********"


def test_pack_without_the_file_keeps_its_version() -> None:
    """Cases refer to a version; a release that adds an optional part must not change it."""
    city = load_city(TINY)

    assert b"privacy" not in city.pack.canonical_bytes()
