"""Routing: the first rule that covers a case and determines a department decides."""

from datetime import UTC, datetime, time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from paidan_contracts.city import UNKNOWN_PLACE, City, Routed, RoutingInput, Unrouted, rule_index
from paidan_contracts.city.routing import RoutingRule, TimeCondition, is_within_dates, is_within_hours
from tests.contracts.routed_cases import CASE, EAST, PACK_WITH_OFFICES, SHANGHAI, TINY, WEST, rule_id_for


def city(*rules: RoutingRule) -> City:
    return City.of(TINY.pack.model_copy(update={"routing": rules}))


def test_first_rule_that_covers_the_case_decides() -> None:
    routed_city = city(
        RoutingRule(id="cameras", classes=("E*",), channels=("camera",), lead="lamps"),
        RoutingRule(id="hawkers", classes=("E0401",), lead="streets", helpers=("lamps", "streets")),
        RoutingRule(id="all", lead="lamps"),
    )

    assert routed_city.rule_index.route(CASE) == Routed("hawkers", "streets", ("lamps",))
    assert rule_id_for(routed_city.rule_index.route(CASE._replace(channel="camera", source="camera"))) == "cameras"
    assert rule_id_for(routed_city.rule_index.route(CASE._replace(class_code="C0137"))) == "all"
    assert rule_id_for(routed_city.rule_index.route(CASE._replace(class_code=None))) == "all"


def test_helpers_follow_from_each_case_also_of_cases_that_are_alike_otherwise() -> None:
    index = City.of(
        PACK_WITH_OFFICES.model_copy(
            update={"routing": (RoutingRule(id="r", lead="lamps", helpers=("owner", "district:office")),)}
        )
    ).rule_index

    assert index.route(CASE) == Routed("r", "lamps", ("west-office",))
    assert index.route(CASE._replace(owner="streets")) == Routed("r", "lamps", ("streets", "west-office"))
    assert index.route(CASE._replace(place=EAST)) == Routed("r", "lamps", ("east-office",))
    assert index.route(CASE._replace(declined=frozenset({"lamps"}))) == Unrouted()


def test_memory_of_decisions_is_bounded_for_all_classes_together(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rule_index, "DECISIONS_KEPT", 10)
    index = city(RoutingRule(id="r", owners=("nobody",), lead="lamps"), RoutingRule(id="all", lead="lamps")).rule_index

    for number in range(50):
        for code in ("E0401", "C0137", "B0101"):
            assert rule_id_for(index.route(CASE._replace(class_code=code, owner=f"owner {number}"))) == "all"

    assert 0 < len(index.decisions) <= 10


def test_case_without_a_rule_is_unrouted() -> None:
    assert city(RoutingRule(id="lamps", classes=("C*",), lead="lamps")).rule_index.route(CASE) == Unrouted()


def test_department_that_returned_the_case_is_skipped() -> None:
    routed_city = city(
        RoutingRule(id="hawkers", classes=("E0401",), lead="streets"), RoutingRule(id="else", lead="lamps")
    )

    assert routed_city.rule_index.route(CASE._replace(declined=frozenset({"streets"}))) == Routed("else", "lamps", ())
    assert routed_city.rule_index.route(CASE._replace(declined=frozenset({"streets", "lamps"}))) == Unrouted()


@pytest.mark.parametrize(
    ("rule", "covered", "not_covered"),
    [
        (RoutingRule(id="r", places=("990101",), lead="lamps"), {"place": WEST}, {"place": EAST}),
        (RoutingRule(id="r", places=("990101001",), lead="lamps"), {"place": WEST}, {"place": UNKNOWN_PLACE}),
        (
            RoutingRule(id="r", places=("990101001",), lead="lamps"),
            {"place": WEST},
            {"place": WEST._replace(street="990101009")},
        ),
        (
            RoutingRule(id="r", places=("990101001001",), lead="lamps"),
            {"place": WEST},
            {"place": WEST._replace(community=None)},
        ),
        (
            RoutingRule(id="r", grids=("990101001001",), lead="lamps"),
            {"place": WEST},
            {"place": WEST._replace(grid="990101001009001")},
        ),
        (
            RoutingRule(id="r", areas=("park",), lead="lamps"),
            {"place": WEST._replace(areas=frozenset({"park"}))},
            {"place": WEST},
        ),
        (RoutingRule(id="r", owners=("streets",), lead="lamps"), {"owner": "streets"}, {"owner": None}),
        (RoutingRule(id="r", conditions=("2",), lead="lamps"), {"condition": "2"}, {"condition": "1"}),
        (
            RoutingRule(id="r", matters=("complaint",), lead="lamps"),
            {"matter": "complaint"},
            {"matter": None},
        ),
        (RoutingRule(id="r", sources=("photo",), lead="lamps"), {"source": "photo"}, {"source": "hotline"}),
        (RoutingRule(id="r", lead="owner"), {"owner": "streets"}, {"owner": "a company nobody knows"}),
    ],
    ids=lambda value: str(value)[:40],
)
def test_stated_condition_must_hold(
    rule: RoutingRule, covered: dict[str, object], not_covered: dict[str, object]
) -> None:
    routed_city = city(rule)

    assert rule_id_for(routed_city.rule_index.route(CASE._replace(**covered))) == "r"  # type: ignore[arg-type]  # fields by name
    assert rule_id_for(routed_city.rule_index.route(CASE._replace(**not_covered))) is None  # type: ignore[arg-type]  # likewise


@pytest.mark.parametrize(
    ("when", "covered", "not_covered"),
    [
        (TimeCondition(hours=("22:00-06:00",)), (2, 23, 30), (2, 6, 0)),
        (TimeCondition(hours=("22:00-06:00",)), (3, 5, 59), (3, 21, 59)),
        (TimeCondition(hours=("18:00-24:00",)), (2, 23, 59), (3, 0, 0)),
        (TimeCondition(hours=("08:00-12:00",)), (2, 8, 0), (2, 12, 0)),
        (TimeCondition(weekdays=("sat", "sun")), (7, 10, 0), (6, 10, 0)),
        (TimeCondition(weekdays=("sat", "sun")), (7, 2, 0), (9, 2, 0)),
        (TimeCondition(dates=("2026-03-02..2026-03-03",)), (3, 23, 59), (4, 0, 0)),
        (TimeCondition(dates=("11-15..03-02",)), (2, 12, 0), (3, 12, 0)),
        (TimeCondition(working_time=True), (2, 11, 59), (2, 12, 0)),
        (TimeCondition(working_time=False), (2, 13, 0), (2, 14, 0)),
    ],
    ids=str,
)
def test_times_are_in_the_citys_zone(
    when: TimeCondition, covered: tuple[int, int, int], not_covered: tuple[int, int, int]
) -> None:
    """Cases are routed at a time in UTC; 22:00 in a rule is 22:00 in the city."""
    routed_city = city(RoutingRule(id="r", when=when, lead="lamps"))

    def at(day: int, hour: int, minute: int) -> RoutingInput:
        return CASE._replace(at=datetime(2026, 3, day, hour, minute, tzinfo=SHANGHAI).astimezone(UTC))

    assert rule_id_for(routed_city.rule_index.route(at(*covered))) == "r"
    assert rule_id_for(routed_city.rule_index.route(at(*not_covered))) is None


def test_department_of_a_district_needs_a_district() -> None:
    """Without a position no district is known, and the next rule is tried."""
    rules = (RoutingRule(id="office", lead="district:office"), RoutingRule(id="else", lead="lamps"))
    routed_city = City.of(PACK_WITH_OFFICES.model_copy(update={"routing": rules}))

    assert routed_city.rule_index.route(CASE) == Routed("office", "west-office", ())
    assert routed_city.rule_index.route(CASE._replace(place=EAST)) == Routed("office", "east-office", ())
    assert routed_city.rule_index.route(CASE._replace(place=UNKNOWN_PLACE)) == Routed("else", "lamps", ())


@given(st.sampled_from(["06:00-22:00", "22:00-06:00", "00:00-24:00", "23:59-00:01"]), st.times())
def test_hours_and_their_complement_cover_the_day_once(hours: str, at: time) -> None:
    begin, end = hours.split("-")
    others = f"{end}-{begin}" if end != "24:00" else "00:00-00:00"

    if end == "24:00":
        assert is_within_hours(hours, at)
    else:
        assert is_within_hours(hours, at) != is_within_hours(others, at)


@given(st.dates())
def test_season_over_new_year_and_its_complement_cover_the_year_once(day: "datetime") -> None:
    assert is_within_dates("11-15..03-15", day) != is_within_dates("03-16..11-14", day)
