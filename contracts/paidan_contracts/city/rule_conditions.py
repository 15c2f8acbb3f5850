"""Tests of a routing rule's conditions, each with what of a case it asks for."""

from collections.abc import Callable, Iterator
from operator import attrgetter
from typing import Final, NamedTuple, TypeAlias

from paidan_contracts.city.calendar import WorkingCalendar
from paidan_contracts.city.routing import RoutingInput, RoutingRule, TimeCondition, is_within_dates, is_within_hours

RuleTest: TypeAlias = Callable[[RoutingInput], bool]

_WEEKDAYS: Final = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


class ConditionTest(NamedTuple):
    """The test of a condition, and what of a case it asks for; None: also for what no two cases share."""

    holds: RuleTest
    inputs: tuple[str, ...] | None


def condition_tests(rule: RoutingRule, calendar: WorkingCalendar) -> list[ConditionTest]:
    """Return a test of each stated condition but the class, by which rules are indexed."""
    return [*_value_tests(rule), *_place_tests(rule), *_time_tests(rule.when, calendar)]


def _value_tests(rule: RoutingRule) -> Iterator[ConditionTest]:
    conditions = (
        (rule.channels, "channel"),
        (rule.sources, "source"),
        (rule.conditions, "condition"),
        (rule.owners, "owner"),
        (rule.matters, "matter"),
    )
    for allowed, name in conditions:
        if allowed is not None:
            yield ConditionTest(_value_in(frozenset(allowed), attrgetter(name)), (name,))


def _value_in(allowed: frozenset[str], value: Callable[[RoutingInput], str | None]) -> RuleTest:
    return lambda routing_input: value(routing_input) in allowed


def _place_tests(rule: RoutingRule) -> Iterator[ConditionTest]:
    if rule.places is not None:
        places = frozenset(rule.places)
        yield ConditionTest(
            lambda routing_input: (
                routing_input.place.district in places
                or routing_input.place.street in places
                or routing_input.place.community in places
            ),
            ("place.district", "place.street", "place.community"),
        )
    if rule.areas is not None:
        areas = frozenset(rule.areas)
        yield ConditionTest(lambda routing_input: not routing_input.place.areas.isdisjoint(areas), None)
    if rule.grids is not None:
        prefixes = rule.grids
        yield ConditionTest(
            lambda routing_input: (
                routing_input.place.grid is not None and routing_input.place.grid.startswith(prefixes)
            ),
            ("place.grid",),
        )


def _time_tests(when: TimeCondition | None, calendar: WorkingCalendar) -> Iterator[ConditionTest]:
    return (ConditionTest(test, None) for test in _tests_of_time(when, calendar)) if when is not None else iter(())


def _tests_of_time(when: TimeCondition, calendar: WorkingCalendar) -> Iterator[RuleTest]:
    zone = calendar.zone
    if when.weekdays is not None:
        weekdays = frozenset(_WEEKDAYS.index(day) for day in when.weekdays)
        yield lambda routing_input: routing_input.at.astimezone(zone).weekday() in weekdays
    if when.hours is not None:
        hours = when.hours
        yield lambda routing_input: any(
            is_within_hours(each, routing_input.at.astimezone(zone).time()) for each in hours
        )
    if when.dates is not None:
        dates = when.dates
        yield lambda routing_input: any(
            is_within_dates(each, routing_input.at.astimezone(zone).date()) for each in dates
        )
    if when.working_time is not None:
        working = when.working_time
        yield lambda routing_input: calendar.is_working_time(routing_input.at) == working
