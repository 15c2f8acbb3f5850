"""Validation of a pack: a rule is refused as shadowed only where it never decides."""

from datetime import timedelta
from itertools import product
from typing import Any, Final

import pytest

from paidan_contracts.city import UNKNOWN_PLACE, City, Pack, RoutingInput
from paidan_contracts.city.routing import RoutingRule, TimeCondition
from paidan_contracts.city.validation import validate
from tests.contracts.routed_cases import CASE, EAST, MONDAY_NOON, PACK_WITH_OFFICES, WEST, rule_id_for

# Rules of one condition, in every pair: each way in which a rule may cover another is tested by itself.
CONDITIONS: Final[list[Any]] = [
    {},
    *({"classes": classes} for classes in (("*",), ("E*",), ("E0401",), ("E0401", "C0137"), ("E0110", "E0401"))),
    *({"channels": channels} for channels in (("photo",), ("photo", "camera"))),
    *({"sources": sources} for sources in (("photo",), ("hotline", "photo", "camera", "patrol", "records"))),
    *({"places": places} for places in (("990101",), ("990101001",), ("990101", "990102"))),
    *({"owners": owners} for owners in (("streets",), ("streets", "lamps"))),
    *({"when": TimeCondition(hours=(hours,))} for hours in ("08:00-12:00", "00:00-24:00", "09:00-11:00")),
    *({"when": TimeCondition(working_time=working)} for working in (True, False)),
    *({"when": TimeCondition(weekdays=days)} for days in (("mon",), ("mon", "tue"))),
    *({"when": TimeCondition(dates=(dates,))} for dates in ("03-01..03-02", "03-01..03-31", "11-15..03-15")),
    {"lead": "owner"},
    {"lead": "city:lighting"},
    {"lead": "district:office"},
]
CASES: Final = [
    RoutingInput(class_code=code, place=place, channel=source, source=source, at=at, owner=owner)
    for code in ("E0401", "E0110", "C0137", None)
    for place in (WEST, EAST, UNKNOWN_PLACE)
    for source in ("photo", "hotline")
    for at in (MONDAY_NOON, MONDAY_NOON + timedelta(hours=12), MONDAY_NOON + timedelta(days=1, hours=1.5))
    for owner in (None, "streets")
]


def pack_of(*rules: dict[str, object]) -> Pack:
    numbered = [{"id": f"r{number}", "lead": "lamps", **rule} for number, rule in enumerate(rules)]
    return PACK_WITH_OFFICES.model_copy(
        update={"routing": tuple(RoutingRule.model_validate(rule) for rule in numbered)}
    )


def shadowed(pack: Pack) -> set[str]:
    return {
        pack.routing[int(violation.path[1])].id for violation in validate(pack) if "never applies" in violation.problem
    }


@pytest.mark.parametrize("first", CONDITIONS, ids=str)
def test_shadowed_rule_never_decides(first: dict[str, object]) -> None:
    """A false positive would make a city delete a rule that it needs."""
    for second in CONDITIONS:
        pack = pack_of(first, second)
        if shadowed(pack):
            routed_city = City.of(pack)
            assert "r1" not in {rule_id_for(routed_city.rule_index.route(routing_input)) for routing_input in CASES}, (
                second
            )


PARTS_OF_WEEK: Final = [
    TimeCondition(weekdays=("mon", "tue", "wed", "thu", "fri")),
    TimeCondition(weekdays=("sat", "sun")),
    TimeCondition(hours=("00:00-12:00",)),
    TimeCondition(hours=("12:00-24:00",)),
    TimeCondition(hours=("22:00-06:00",), weekdays=("mon",)),
    TimeCondition(hours=("12:00-24:00",), dates=("03-01..03-31",)),
    TimeCondition(working_time=True),
]


def test_rules_that_cover_a_week_shadow_only_rules_within_it() -> None:
    """Compare with the decision at every hour of two weeks."""
    hours = [MONDAY_NOON + timedelta(hours=number) for number in range(14 * 24)]
    diagnostic_count = 0
    for first, second, third in product(PARTS_OF_WEEK, PARTS_OF_WEEK, [*PARTS_OF_WEEK, TimeCondition()]):
        pack = pack_of({"when": first}, {"when": second}, {"when": third})
        if "r2" in shadowed(pack):
            diagnostic_count += 1
            routed_city = City.of(pack)
            assert "r2" not in {rule_id_for(routed_city.rule_index.route(CASE._replace(at=at))) for at in hours}, (
                first,
                second,
                third,
            )

    assert "r2" in shadowed(pack_of({"when": PARTS_OF_WEEK[0]}, {"when": PARTS_OF_WEEK[1]}, {}))
    assert "r2" in shadowed(pack_of({"when": PARTS_OF_WEEK[2]}, {"when": PARTS_OF_WEEK[3]}, {}))
    assert diagnostic_count > 50


def test_duplicate_rule_is_shadowed() -> None:
    assert [stated for stated in CONDITIONS if shadowed(pack_of(stated, stated)) != {"r1"}] == []
