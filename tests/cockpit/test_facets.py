"""Facets leave out no case that one may see or asked for; what they find beside, lists check."""

from hypothesis import given
from hypothesis import strategies as st

from paidan_cockpit.facets import class_facets, facets_of, place_facets
from paidan_cockpit.search_words import words_of
from paidan_contracts.city.class_overrides import matches_class

CODES = st.text("EC01", min_size=1, max_size=6)
PATTERNS = st.builds("{}{}".format, st.text("EC01", max_size=6), st.sampled_from(["", "*"])).filter(bool)


@given(CODES, st.sets(PATTERNS, min_size=1, max_size=4))
def test_a_case_of_a_class_has_a_facet_of_every_pattern_that_matches(code: str, patterns: set[str]) -> None:
    looked_for = class_facets(patterns)
    if looked_for and any(matches_class(pattern, code) for pattern in patterns):
        assert set(looked_for) & set(facets_of("closed", code, "hotline", (), ()))


def test_a_case_has_facets_of_its_places_departments_source_and_rare_end() -> None:
    facets = set(facets_of("voided", None, "hotline", ("1", "1-2", None), ("streets", None, "lamps")))
    assert set(place_facets(["1-2"])) < facets
    assert facets == {
        "status=voided", "source=hotline", "place=1", "place=1-2", "department=streets", "department=lamps",
    }  # fmt: skip


@given(st.text())
def test_no_word_is_a_facet(text: str) -> None:
    assert not any("=" in word for word in words_of(text))
