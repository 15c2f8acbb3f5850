"""Names of places, departments and classes are found among the words that are searched for."""

from dataclasses import replace

import pytest

from paidan_cockpit.pages.search_terms import NamedCodes, SearchTerm, search_terms
from paidan_cockpit.search_words import words_of
from paidan_contracts.city.loader import load_city
from paidan_contracts.city.pack_types import Names
from tests.contracts.city_packs import QUANCHENG

CITY = load_city(QUANCHENG)
MINGHU = next(each for each in CITY.pack.geography.places if each.names.zh == "明湖区")
DRAINAGE = CITY.departments["drainage"]


def found(text: str, *, with_departments: bool = True) -> dict[tuple[str, ...], NamedCodes]:
    """Return the codes of each term of a search, by its words."""
    return {each.words: each.codes for each in search_terms(CITY, text, with_departments=with_departments)}


@pytest.mark.parametrize("text", ["明湖区 垃圾", "垃圾 明湖区", "明湖区垃圾", "垃圾　明湖区"])
def test_a_place_is_found_beside_words_with_and_without_a_blank(text: str) -> None:
    terms = found(text)

    assert terms[tuple(words_of("明湖区"))].places == (MINGHU.code,)
    assert terms["垃圾",].places == ()
    assert len(terms) == 2


def test_the_names_of_both_languages_are_known_and_the_beginning_of_one_is_enough() -> None:
    english = MINGHU.names.en

    assert any(MINGHU.code in each.places for each in found(f"garbage {english.upper()}").values())
    assert any(MINGHU.code in each.places for each in found(f"garbage {english.split()[0]}").values())
    assert MINGHU.code in found("明湖")["明湖",].places


def test_several_words_that_a_name_begins_with_stand_for_it() -> None:
    street = next(each for each in CITY.pack.geography.places if each.names.en == "West Gate Street")

    assert street.code in found("west gate")["west", "gate"].places
    assert list(found("garbage heap")) == [("garbage",), ("heap",)]


def test_departments_are_for_those_who_may_see_several() -> None:
    name = DRAINAGE.names.zh

    assert "drainage" in found(f"井盖 {name}")[tuple(words_of(name))].departments
    assert not any(each.departments for each in found(f"井盖 {name}", with_departments=False).values())


def test_a_name_within_a_longer_word_is_no_name() -> None:
    terms = search_terms(CITY, "xE0101y", with_departments=True)

    assert terms == [SearchTerm(("xe0101y",))]


def test_a_word_that_too_many_names_begin_with_is_just_a_word() -> None:
    names = [Names(zh=f"新城{number}所", en=f"New {number}") for number in range(9)]
    departments = {f"new-{at}": DRAINAGE.model_copy(update={"names": each}) for at, each in enumerate(names)}

    assert search_terms(replace(CITY, departments=departments), "新城", with_departments=True) == [
        SearchTerm(("新城",))
    ]
