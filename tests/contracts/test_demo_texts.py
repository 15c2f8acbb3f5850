"""What the demo city's pack says in sentences, it says in both languages."""

import re

import pytest

from paidan_contracts.bilingual_texts import in_language
from paidan_contracts.city.loader import load_city
from tests.contracts.city_packs import QUANCHENG

PACK = load_city(QUANCHENG).pack


@pytest.mark.parametrize("text", [PACK.calendar.source, PACK.indicators.basis], ids=["calendar", "indicators"])
def test_a_paragraph_is_in_the_readers_language(text: str) -> None:
    chinese, english = in_language(text, "zh"), in_language(text, "en")

    assert english.isascii()
    assert not re.search("[a-z]{3,} [a-z]{3,}", chinese)
    assert len(chinese) > 40
