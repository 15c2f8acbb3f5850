"""Differences of two packs are told in the reader's words; a calendar reads as months; the catalogue is searched."""

import json
from collections.abc import Callable
from datetime import date
from typing import Any, Final

import pytest

from paidan_cockpit.pages.calendar_months import months_of
from paidan_cockpit.pages.city import matches
from paidan_cockpit.pages.map_layers import borders, grid
from paidan_cockpit.pages.names import CityNames
from paidan_cockpit.pages.pack_differences import PackDifferences
from paidan_cockpit.pages.pack_formatter import PackFormatter
from paidan_cockpit.pages.pack_terms import PackTerms
from paidan_cockpit.settings import Language
from paidan_cockpit.translations import translations
from paidan_contracts.city import City
from paidan_contracts.city.loader import load_city
from tests.cockpit.test_pack_formatter import CITIES, PACKS

QUANCHENG: Final = load_city(CITIES.parents[1] / "deploy/cities/quancheng")
Document = dict[str, Any]


def changed(change: Callable[[Document], None]) -> City:
    """Return the demo city with a change."""
    document = json.loads(QUANCHENG.pack.canonical_bytes())
    change(document)
    return City.from_canonical(json.dumps(document).encode())


def tell(new: City, language: Language = "en") -> list[tuple[str, list[str]]]:
    """Return the changed parts, each difference in one line."""
    names, translate = CityNames(new, language), translations(language).gettext
    parts = PackDifferences(QUANCHENG, new, names, PackFormatter(names, translate), translate).parts(100)
    return [
        (part.title, [f"{each.kind} {each.about}: {each.before} -> {each.now}" for each in part.differences])
        for part in parts
    ]


def accept_later(document: Document) -> None:
    document["clocks"]["accept"] = {"amount": 20, "unit": "urgent_minute"}


def test_a_limit_is_told_in_both_languages() -> None:
    new = changed(accept_later)

    [(title, [line])] = tell(new)
    assert title == "Limits of the stages"
    assert (
        line == "changed accept: 15 minutes, nights and holidays included -> 20 minutes, nights and holidays included"
    )
    assert tell(new, "zh") == [("各阶段时限", ["changed 签收: 15分钟（含夜间和节假日） -> 20分钟（含夜间和节假日）"])]


def test_entries_have_their_names_and_of_a_list_only_what_changed_is_shown() -> None:
    def change(document: Document) -> None:
        document["departments"] = [each for each in document["departments"] if each["id"] != "traffic-police"]
        document["routing"][0]["names"] = {"zh": "新", "en": "New"}
        document["matching"]["by_class"][0]["radius_m"] = 33

    departments, rules, matching = tell(changed(change))

    assert departments == ("Departments", ["removed Traffic Police (traffic-police): None -> None"])
    assert "New" in rules[1][0]
    assert "33" in matching[1][0]
    assert "E0184" not in matching[1][0]


def test_the_same_pack_differs_in_nothing() -> None:
    assert tell(QUANCHENG) == []


@pytest.mark.parametrize("language", ["zh", "en"])
@pytest.mark.parametrize("folder", PACKS, ids=lambda folder: folder.name)
def test_every_pack_has_terms_months_and_layers(folder: Any, language: Language) -> None:  # noqa: ANN401 - a path
    city = load_city(folder)
    names, translate = CityNames(city, language), translations(language).gettext

    terms = PackTerms(city, names, PackFormatter(names, translate), translate).all()
    months = months_of(city.pack.calendar, language, city.pack.calendar.first)

    assert all(term.sentences for term in terms)
    assert sum(month.working_days for month in months) == sum(day.working for day in city.pack.calendar.days)
    assert all(len(week) == 7 for month in months for week in month.weeks)
    assert json.loads(borders(city, names))["type"] == "FeatureCollection"
    assert "runs" in json.loads(grid(city))


def test_a_month_shows_holidays_and_days_that_are_made_up_for() -> None:
    january = months_of(QUANCHENG.pack.calendar, "zh", date(2025, 1, 26))[0]
    days = {day.day: day for week in january.weeks for day in week if day}

    assert january.name == "2025年1月"
    assert january.weeks[0][:2] == [None, None]
    assert [days[day].kind for day in (1, 2, 4, 26)] == ["holiday", "worked", "free", "made_up"]
    assert days[26].is_today
    assert january.notes == ["1 元旦", "26 春节调休上班", "28–31 春节"]


def test_the_catalogue_is_searched_in_both_languages() -> None:
    names = CityNames(QUANCHENG, "en")
    found = [
        [row.id for row in QUANCHENG.pack.catalogue.rows if matches(row, words, names)]
        for words in ("犬", "E0401 HAWKER")
    ]

    assert all(found)
    assert all(id_.startswith("E0401") for id_ in found[1])
