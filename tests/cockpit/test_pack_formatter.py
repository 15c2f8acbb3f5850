"""A pack is told in words in either language: rules with all their conditions, and limits."""

from pathlib import Path
from typing import Any, Final

import pytest

from paidan_cockpit.pages.names import CityNames
from paidan_cockpit.pages.pack_formatter import PackFormatter
from paidan_cockpit.settings import Language
from paidan_cockpit.translations import translations
from paidan_contracts.city import City
from paidan_contracts.city.loader import load_city
from paidan_contracts.city.pack_types import TimeLimit
from paidan_contracts.city.routing import RoutingRule, TimeCondition

CITIES: Final = Path(__file__).parents[1] / "cities"
TINY: Final = load_city(CITIES / "tiny")
PACKS: Final = (CITIES / "tiny", *sorted((Path(__file__).parents[2] / "deploy/cities").glob("*/")))


def formatter(language: Language = "en", city: City = TINY) -> PackFormatter:
    return PackFormatter(CityNames(city, language), translations(language).gettext)


def rule(**conditions: Any) -> RoutingRule:  # noqa: ANN401 - fields of the model
    return RoutingRule(**({"id": "r", "lead": "owner"} | conditions))


def test_a_rule_without_conditions_covers_every_case() -> None:
    assert formatter().rule(rule()) == "every case → the stated owner"
    assert formatter("zh").rule(rule(helpers=("streets",))).startswith("所有案件 → 所填权属单位，协办：")


def test_every_condition_of_a_rule_is_told() -> None:
    when = TimeCondition(hours=("22:00-06:00",), weekdays=("sat",), dates=("11-15..03-15",), working_time=False)
    told = formatter().rule(
        rule(
            classes=("E0110", "C*"), conditions=("1",), places=("1",), grids=("37",), areas=("nowhere",),
            owners=("streets",), channels=("camera",), sources=("hotline",), matters=("complaint",), when=when,
            lead="district:cleaning",
        )
    )  # fmt: skip

    for part in (
        "class E0110 ", "all components (C)", "condition 1", "begin with 37", "in the area nowhere", "owned by",
        "reported by camera", "from ", "as complaint", "at 22:00-06:00", "on Sat", "within 11-15..03-15",
        "outside working hours", "→ the cleaning of the case's district",
    ):  # fmt: skip
        assert part in told


@pytest.mark.parametrize(
    ("unit", "english", "chinese"),
    [
        ("working_hour", "4 hours of working time", "工作时间 4小时"),
        ("urgent_minute", "4 minutes, nights and holidays included", "4分钟（含夜间和节假日）"),
    ],
)
def test_a_limit_says_whether_nights_count(unit: str, english: str, chinese: str) -> None:
    limit = TimeLimit.model_validate(f"4 {unit}")

    assert formatter().limit(limit) == english
    assert formatter("zh").limit(limit) == chinese
    assert formatter().limit(None) == "the city's limit"


@pytest.mark.parametrize("folder", PACKS, ids=lambda folder: folder.name)
@pytest.mark.parametrize("language", ["zh", "en"])
def test_every_part_of_the_packs_here_has_words(folder: Path, language: Language) -> None:
    city = load_city(folder)
    told = formatter(language, city)
    departments = [
        each.id
        for group in told.groups()
        for each in (*group.departments, *(one for street in group.streets for one in street.departments))
    ]

    assert all(told.rule(each) for each in city.pack.routing)
    assert all(told.limit(each.limit) for each in city.pack.catalogue.rows)
    assert sorted(departments) == sorted(city.departments)
