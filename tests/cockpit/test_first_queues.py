"""Whoever opens the queues sees first what the post needs first; names are found where words are searched for."""

import pytest

from paidan_cockpit.pages.filter_description import describe_filter
from paidan_cockpit.pages.first_queues import FIRST_QUEUES, first_queue, queue_order
from paidan_cockpit.pages.name_search import find_names
from paidan_cockpit.pages.names import CityNames
from paidan_cockpit.pages.queue_filter import QUEUES, QueueFilter
from paidan_cockpit.rights import Person
from paidan_cockpit.translations import translations
from paidan_contracts.city import City
from paidan_contracts.city.loader import load_city
from tests.scoring.database_fixture import TINY


@pytest.fixture(scope="module")
def city() -> City:
    return load_city(TINY)


def person(*scopes: str, post: str = "of-no-pack") -> Person:
    return Person("p", "王敏", "tiny", post, frozenset(scopes))


@pytest.mark.parametrize(
    ("scopes", "counts", "first"),
    [
        (("role:operator",), {"placing": 1, "overdue": 9}, "placing"),
        (("role:operator",), {"placing": 0, "returned": 0, "overdue": 9}, "overdue"),
        (("role:operator",), {}, "placing"),
        (("role:inspector",), {"verification": 2}, "verification"),
        (("role:caller",), {"open": 5}, "open"),
        (("role:caller",), {}, "callback"),
        (("role:monitor",), {"overdue": 1}, "overdue"),
        (("department:streets",), {"open": 5}, "open"),
        (("department:streets",), {}, "in-work"),
    ],
)
def test_the_first_queue_in_which_something_waits_is_first(
    scopes: tuple[str, ...], counts: dict[str, int], first: str, city: City
) -> None:
    order = queue_order(person(*scopes), city)

    assert first_queue(order, counts) == first
    assert sorted(order) == sorted(QUEUES)


def test_every_post_has_queues_that_there_are() -> None:
    for queues in FIRST_QUEUES.values():
        assert set(queues) <= set(QUEUES)


def test_the_duty_of_a_citys_post_decides_before_what_it_grants() -> None:
    city = load_city(TINY.parents[2] / "deploy/cities/quancheng")

    assert queue_order(person("role:operator", post="acceptor"), city)[0] == "verification"
    assert queue_order(person("role:operator", post="dispatcher"), city)[0] == "placing"


def test_places_and_departments_are_found_by_their_names(city: City) -> None:
    department = city.departments["streets"].names.zh
    district = next(each for each in city.pack.geography.places if each.level == "district")
    names = CityNames(city, "zh")

    assert find_names(names, department, with_departments=True)[0] == ("department", "streets", department)
    assert find_names(names, district.names.zh, with_departments=False)[0].code == district.code
    assert not [each for each in find_names(names, department, with_departments=False) if each.kind == "department"]
    assert find_names(names, "街", with_departments=True) == []


def test_a_filter_is_told_in_words(city: City) -> None:
    queue_filter = QueueFilter(queue="overdue", department="streets", words="井盖", order="newest")

    told = describe_filter(queue_filter, CityNames(city, "en"), translations("en").gettext)

    assert told == "Overdue · Street cleaning · “井盖” · newest first"
