"""A city's routing rules made ready: sorted by class once, so that a matter meets only the rules that may cover it."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from operator import attrgetter
from typing import Final, Self, TypeAlias

from paidan_contracts.city.calendar import WorkingCalendar
from paidan_contracts.city.class_overrides import matches_class
from paidan_contracts.city.geography import PlaceCodes
from paidan_contracts.city.organisation import Department
from paidan_contracts.city.pack import Pack
from paidan_contracts.city.routing import (
    Routed,
    RouteDecision,
    RoutingInput,
    RoutingRule,
    TimeCondition,
    Unrouted,
    is_within_dates,
    is_within_hours,
)

RuleTest: TypeAlias = Callable[[RoutingInput], bool]

_WEEKDAYS: Final = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


@dataclass(frozen=True, slots=True)
class DepartmentLookup:
    """Which department of a kind belongs to which place: what ``district:urban-management`` stands for."""

    ids: frozenset[str]
    by_kind: Mapping[tuple[str, str, str], str]

    @classmethod
    def of(cls, departments: tuple[Department, ...]) -> Self:
        """Note every department under its kind and the place that it belongs to."""
        by_kind = {(level, code, each.kind): each.id for each in departments for level, code in (_jurisdiction(each),)}
        return cls(frozenset(each.id for each in departments), by_kind)

    def find(self, selector: str, place: PlaceCodes, owner: str | None = None) -> str | None:
        """Name the department that a rule means for a place and an owner, if there is one."""
        if selector == "owner":
            return owner if owner in self.ids else None
        level, separator, kind = selector.partition(":")
        if not separator:
            return selector
        code = {"city": "", "district": place.district, "street": place.street}[level]
        return None if code is None else self.by_kind.get((level, code, kind))


@dataclass(frozen=True, slots=True)
class CompiledRule:
    """A rule with nothing but the tests that it states: most rules state one or two of their ten conditions."""

    rule: RoutingRule
    tests: tuple[RuleTest, ...]

    @classmethod
    def of(cls, rule: RoutingRule, calendar: WorkingCalendar) -> Self:
        """Make a test of each condition that is given; the class is looked up, not tested."""
        return cls(rule, (*_value_tests(rule), *_place_tests(rule), *_time_tests(rule.when, calendar)))

    def covers(self, routing_input: RoutingInput) -> bool:
        """Tell whether all that the rule states holds."""
        for test in self.tests:  # noqa: SIM110  # on the road of every case, where a generator would double its cost
            if not test(routing_input):
                return False
        return True


@dataclass(frozen=True, slots=True)
class RuleIndex:
    """The rules, in the city's order, by the class codes that they may cover."""

    by_class: Mapping[str, tuple[CompiledRule, ...]]
    without_class: tuple[CompiledRule, ...]
    departments: DepartmentLookup

    @classmethod
    def of(cls, pack: Pack, calendar: WorkingCalendar) -> Self:
        """Sort a pack's rules by class; their order stays."""
        compiled = [CompiledRule.of(rule, calendar) for rule in pack.routing]
        codes = [each.code for each in pack.catalogue.classes]
        return cls(
            by_class={code: tuple(each for each in compiled if rule_matches_class(each.rule, code)) for code in codes},
            without_class=tuple(each for each in compiled if each.rule.classes is None),
            departments=DepartmentLookup.of(pack.departments),
        )

    def route(self, routing_input: RoutingInput) -> RouteDecision:
        """Name the department that must act, by the first rule that covers the matter and can name one."""
        for compiled in self.by_class.get(routing_input.class_code or "", self.without_class):
            if compiled.covers(routing_input):
                rule = compiled.rule
                lead = self.departments.find(rule.lead, routing_input.place, routing_input.owner)
                if lead is not None and lead not in routing_input.declined:
                    return Routed(rule.id, lead, tuple(self._find_helpers(rule, routing_input, lead)))
        return Unrouted()

    def _find_helpers(self, rule: RoutingRule, routing_input: RoutingInput, lead: str) -> Iterator[str]:
        for helper in rule.helpers:
            department = self.departments.find(helper, routing_input.place, routing_input.owner)
            if department is not None and department != lead:
                yield department


def rule_matches_class(rule: RoutingRule, class_code: str) -> bool:
    """Tell whether a rule's class condition, if it has one, means this class."""
    return rule.classes is None or any(matches_class(pattern, class_code) for pattern in rule.classes)


def _value_tests(rule: RoutingRule) -> Iterator[RuleTest]:
    conditions = (
        (rule.channels, attrgetter("channel")),
        (rule.sources, attrgetter("source")),
        (rule.conditions, attrgetter("condition")),
        (rule.owners, attrgetter("owner")),
        (rule.matters, attrgetter("matter")),
    )
    for allowed, value in conditions:
        if allowed is not None:
            yield _value_in(frozenset(allowed), value)


def _value_in(allowed: frozenset[str], value: Callable[[RoutingInput], str | None]) -> RuleTest:
    return lambda routing_input: value(routing_input) in allowed


def _place_tests(rule: RoutingRule) -> Iterator[RuleTest]:
    if rule.places is not None:
        places = frozenset(rule.places)
        yield (
            lambda routing_input: (
                routing_input.place.district in places
                or routing_input.place.street in places
                or routing_input.place.community in places
            )
        )
    if rule.areas is not None:
        areas = frozenset(rule.areas)
        yield lambda matter: not matter.place.areas.isdisjoint(areas)
    if rule.grids is not None:
        prefixes = rule.grids
        yield lambda matter: matter.place.grid is not None and matter.place.grid.startswith(prefixes)


def _time_tests(when: TimeCondition | None, calendar: WorkingCalendar) -> Iterator[RuleTest]:
    if when is None:
        return
    zone = calendar.zone
    if when.weekdays is not None:
        weekdays = frozenset(_WEEKDAYS.index(day) for day in when.weekdays)
        yield lambda routing_input: routing_input.at.astimezone(zone).weekday() in weekdays
    if when.hours is not None:
        hours = when.hours
        yield lambda matter: any(is_within_hours(each, matter.at.astimezone(zone).time()) for each in hours)
    if when.dates is not None:
        dates = when.dates
        yield lambda matter: any(is_within_dates(each, matter.at.astimezone(zone).date()) for each in dates)
    if when.working_time is not None:
        working = when.working_time
        yield lambda matter: calendar.is_working_time(matter.at) == working


def _jurisdiction(department: Department) -> tuple[str, str]:
    if department.street:
        return "street", department.street
    return ("district", department.district) if department.district else ("city", "")
