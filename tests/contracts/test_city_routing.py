"""The first rule that covers a case, and can name its department there, decides."""

from dataclasses import replace
from datetime import UTC, datetime, time, timedelta, timezone
from itertools import product
from typing import Any, Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from paidan_contracts.city import NOWHERE, City, HardToPlace, Pack, Routable, Routed, Spot
from paidan_contracts.city.routing import Rule, When, dates_hold, hours_hold
from paidan_contracts.city.validation import check
from tests.contracts.city_packs import tiny

TINY: Final = tiny()
SHANGHAI: Final = timezone(timedelta(hours=8))
MONDAY_NOON: Final = datetime(2026, 3, 2, 10, 0, tzinfo=SHANGHAI)
WEST: Final = Spot("990101", "990101001", "990101001001", "990101001001001")
EAST: Final = Spot("990102", "990102001", "990102001001", "990102001001001")
MATTER: Final = Routable(class_code="E0401", spot=WEST, channel="photo", source="photo", at=MONDAY_NOON)
OFFICES: Final = TINY.pack.model_copy(
    update={
        "departments": (
            *TINY.pack.departments,
            *(
                TINY.pack.departments[0].model_copy(update={"id": name, "kind": "office", "district": code})
                for name, code in (("west-office", "990101"), ("east-office", "990102"))
            ),
        )
    }
)


def city(*rules: Rule) -> City:
    return City.of(TINY.pack.model_copy(update={"routing": rules}))


def rule_of(found: Routed | HardToPlace) -> str | None:
    return found.rule if isinstance(found, Routed) else None


def test_the_first_rule_that_covers_the_case_wins() -> None:
    ruled = city(
        Rule(id="cameras", classes=("E*",), channels=("camera",), lead="lamps"),
        Rule(id="hawkers", classes=("E0401",), lead="streets", helpers=("lamps", "streets")),
        Rule(id="all", lead="lamps"),
    )

    assert ruled.route(MATTER) == Routed("hawkers", "streets", ("lamps",))
    assert rule_of(ruled.route(replace(MATTER, channel="camera", source="camera"))) == "cameras"
    assert rule_of(ruled.route(replace(MATTER, class_code="C0137"))) == "all"
    assert rule_of(ruled.route(replace(MATTER, class_code=None))) == "all"


def test_what_no_rule_covers_is_hard_to_place() -> None:
    assert city(Rule(id="lamps", classes=("C*",), lead="lamps")).route(MATTER) == HardToPlace()


def test_who_returned_a_case_is_passed_over() -> None:
    ruled = city(Rule(id="hawkers", classes=("E0401",), lead="streets"), Rule(id="else", lead="lamps"))

    assert ruled.route(replace(MATTER, declined=frozenset({"streets"}))) == Routed("else", "lamps", ())
    assert ruled.route(replace(MATTER, declined=frozenset({"streets", "lamps"}))) == HardToPlace()


@pytest.mark.parametrize(
    ("rule", "covered", "passed_over"),
    [
        (Rule(id="r", places=("990101",), lead="lamps"), {"spot": WEST}, {"spot": EAST}),
        (Rule(id="r", places=("990101001",), lead="lamps"), {"spot": WEST}, {"spot": NOWHERE}),
        (Rule(id="r", grids=("990101001001",), lead="lamps"), {"spot": WEST}, {"spot": EAST}),
        (
            Rule(id="r", areas=("park",), lead="lamps"),
            {"spot": replace(WEST, areas=frozenset({"park"}))},
            {"spot": WEST},
        ),
        (Rule(id="r", owners=("streets",), lead="lamps"), {"owner": "streets"}, {"owner": None}),
        (Rule(id="r", conditions=("2",), lead="lamps"), {"condition": "2"}, {"condition": "1"}),
        (Rule(id="r", matters=("complaint",), lead="lamps"), {"matter": "complaint"}, {"matter": None}),
        (Rule(id="r", sources=("photo",), lead="lamps"), {"source": "photo"}, {"source": "hotline"}),
        (Rule(id="r", lead="owner"), {"owner": "streets"}, {"owner": "a company nobody knows"}),
    ],
    ids=lambda value: str(value)[:40],
)
def test_a_condition_that_is_given_must_hold(
    rule: Rule, covered: dict[str, object], passed_over: dict[str, object]
) -> None:
    ruled = city(rule)

    assert rule_of(ruled.route(replace(MATTER, **covered))) == "r"  # type: ignore[arg-type]  # fields by name
    assert rule_of(ruled.route(replace(MATTER, **passed_over))) is None  # type: ignore[arg-type]  # likewise


@pytest.mark.parametrize(
    ("when", "covered", "passed_over"),
    [
        (When(hours=("22:00-06:00",)), (2, 23, 30), (2, 6, 0)),
        (When(hours=("22:00-06:00",)), (3, 5, 59), (3, 21, 59)),
        (When(hours=("18:00-24:00",)), (2, 23, 59), (3, 0, 0)),
        (When(hours=("08:00-12:00",)), (2, 8, 0), (2, 12, 0)),
        (When(weekdays=("sat", "sun")), (7, 10, 0), (6, 10, 0)),
        (When(weekdays=("sat", "sun")), (7, 2, 0), (9, 2, 0)),
        (When(dates=("2026-03-02..2026-03-03",)), (3, 23, 59), (4, 0, 0)),
        (When(dates=("11-15..03-02",)), (2, 12, 0), (3, 12, 0)),
        (When(working_time=True), (2, 11, 59), (2, 12, 0)),
        (When(working_time=False), (2, 13, 0), (2, 14, 0)),
    ],
    ids=str,
)
def test_times_are_read_by_the_citys_own_clock(
    when: When, covered: tuple[int, int, int], passed_over: tuple[int, int, int]
) -> None:
    """The case is routed at a time in UTC; 22:00 in the rule is 22:00 in the city."""
    ruled = city(Rule(id="r", when=when, lead="lamps"))

    def at(day: int, hour: int, minute: int) -> Routable:
        return replace(MATTER, at=datetime(2026, 3, day, hour, minute, tzinfo=SHANGHAI).astimezone(UTC))

    assert rule_of(ruled.route(at(*covered))) == "r"
    assert rule_of(ruled.route(at(*passed_over))) is None


def test_the_districts_own_department_needs_a_district() -> None:
    """Without a position nobody can say which district's department is meant: the next rule is asked."""
    rules = (Rule(id="office", lead="district:office"), Rule(id="else", lead="lamps"))
    ruled = City.of(OFFICES.model_copy(update={"routing": rules}))

    assert ruled.route(MATTER) == Routed("office", "west-office", ())
    assert ruled.route(replace(MATTER, spot=EAST)) == Routed("office", "east-office", ())
    assert ruled.route(replace(MATTER, spot=NOWHERE)) == Routed("else", "lamps", ())


# One condition a rule and every pair of them, so that each way in which one rule may cover another is tried by itself.
CONDITIONS: Final[list[Any]] = [
    {},
    *({"classes": classes} for classes in (("*",), ("E*",), ("E0401",), ("E0401", "C0137"), ("E0110", "E0401"))),
    *({"channels": channels} for channels in (("photo",), ("photo", "camera"))),
    *({"sources": sources} for sources in (("photo",), ("hotline", "photo", "camera", "patrol", "records"))),
    *({"places": places} for places in (("990101",), ("990101001",), ("990101", "990102"))),
    *({"owners": owners} for owners in (("streets",), ("streets", "lamps"))),
    *({"when": When(hours=(hours,))} for hours in ("08:00-12:00", "00:00-24:00", "09:00-11:00")),
    *({"when": When(working_time=working)} for working in (True, False)),
    *({"when": When(weekdays=days)} for days in (("mon",), ("mon", "tue"))),
    *({"when": When(dates=(dates,))} for dates in ("03-01..03-02", "03-01..03-31", "11-15..03-15")),
    {"lead": "owner"},
    {"lead": "city:lighting"},
    {"lead": "district:office"},
]
MATTERS: Final = [
    Routable(class_code=code, spot=spot, channel=source, source=source, at=at, owner=owner)
    for code in ("E0401", "E0110", "C0137", None)
    for spot in (WEST, EAST, NOWHERE)
    for source in ("photo", "hotline")
    for at in (MONDAY_NOON, MONDAY_NOON + timedelta(hours=12), MONDAY_NOON + timedelta(days=1, hours=1.5))
    for owner in (None, "streets")
]


def pack_of(*rules: dict[str, object]) -> Pack:
    numbered = [{"id": f"r{number}", "lead": "lamps", **rule} for number, rule in enumerate(rules)]
    return OFFICES.model_copy(update={"routing": tuple(Rule.model_validate(rule) for rule in numbered)})


def shadowed(pack: Pack) -> set[str]:
    return {pack.routing[int(fault.path[1])].id for fault in check(pack) if "never applies" in fault.problem}


@pytest.mark.parametrize("first", CONDITIONS, ids=str)
def test_a_rule_said_to_be_shadowed_never_decides(first: dict[str, object]) -> None:
    """A false alarm here would make a city delete a rule that it needs."""
    for second in CONDITIONS:
        pack = pack_of(first, second)
        if shadowed(pack):
            ruled = City.of(pack)
            assert "r1" not in {rule_of(ruled.route(matter)) for matter in MATTERS}, second


PARTS_OF_WEEK: Final = [
    When(weekdays=("mon", "tue", "wed", "thu", "fri")),
    When(weekdays=("sat", "sun")),
    When(hours=("00:00-12:00",)),
    When(hours=("12:00-24:00",)),
    When(hours=("22:00-06:00",), weekdays=("mon",)),
    When(hours=("12:00-24:00",), dates=("03-01..03-31",)),
    When(working_time=True),
]


def test_rules_that_share_out_a_week_shadow_what_is_within_it_and_nothing_else() -> None:
    """Rule by rule against every hour of two weeks."""
    hours = [MONDAY_NOON + timedelta(hours=number) for number in range(14 * 24)]
    said = 0
    for first, second, third in product(PARTS_OF_WEEK, PARTS_OF_WEEK, [*PARTS_OF_WEEK, When()]):
        pack = pack_of({"when": first}, {"when": second}, {"when": third})
        if "r2" in shadowed(pack):
            said += 1
            ruled = City.of(pack)
            assert "r2" not in {rule_of(ruled.route(replace(MATTER, at=at))) for at in hours}, (first, second, third)

    assert "r2" in shadowed(pack_of({"when": PARTS_OF_WEEK[0]}, {"when": PARTS_OF_WEEK[1]}, {}))
    assert "r2" in shadowed(pack_of({"when": PARTS_OF_WEEK[2]}, {"when": PARTS_OF_WEEK[3]}, {}))
    assert said > 50


def test_a_rule_is_shadowed_by_its_own_double() -> None:
    assert [stated for stated in CONDITIONS if shadowed(pack_of(stated, stated)) != {"r1"}] == []


@given(st.sampled_from(["06:00-22:00", "22:00-06:00", "00:00-24:00", "23:59-00:01"]), st.times())
def test_hours_and_the_hours_between_them_share_out_the_day(hours: str, at: time) -> None:
    begin, end = hours.split("-")
    others = f"{end}-{begin}" if end != "24:00" else "00:00-00:00"

    if end == "24:00":
        assert hours_hold(hours, at)
    else:
        assert hours_hold(hours, at) != hours_hold(others, at)


@given(st.dates())
def test_a_season_over_new_year_and_its_opposite_share_out_the_year(day: "datetime") -> None:
    assert dates_hold("11-15..03-15", day) != dates_hold("03-16..11-14", day)
