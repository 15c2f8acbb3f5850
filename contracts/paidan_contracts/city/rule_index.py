"""A city's routing rules, compiled and indexed by class, so that a case is tested only against rules for its class."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from operator import attrgetter
from typing import Final, Self, TypeAlias

from paidan_contracts.city.calendar import WorkingCalendar
from paidan_contracts.city.class_overrides import matches_class
from paidan_contracts.city.geography import PlaceCodes
from paidan_contracts.city.organisation import Department
from paidan_contracts.city.pack import Pack
from paidan_contracts.city.pack_types import ClassCode
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
    """Resolves department selectors such as ``district:urban-management``."""

    ids: frozenset[str]
    by_kind: Mapping[tuple[str, str, str], str]

    @classmethod
    def of(cls, departments: tuple[Department, ...]) -> Self:
        """Index the departments by kind and place, but for units that only their bureau gives work to."""
        leads = [each for each in departments if each.channel != "bureau"]
        by_kind = {(level, code, each.kind): each.id for each in leads for level, code in (_jurisdiction(each),)}
        return cls(frozenset(each.id for each in leads), by_kind)

    def find(self, selector: str, place: PlaceCodes, owner: str | None = None) -> str | None:
        """Return the department that a selector means for a place and an owner, if there is one."""
        if selector == "owner":
            return owner if owner in self.ids else None
        level, separator, kind = selector.partition(":")
        if not separator:
            return selector
        code = {"city": "", "district": place.district, "street": place.street}[level]
        return None if code is None else self.by_kind.get((level, code, kind))


@dataclass(frozen=True, slots=True)
class CompiledRule:
    """A rule with tests for its stated conditions alone, of which most rules have one or two out of ten."""

    rule: RoutingRule
    tests: tuple[RuleTest, ...]

    @classmethod
    def of(cls, rule: RoutingRule, calendar: WorkingCalendar) -> Self:
        """Compile a test of each stated condition but the class, by which rules are indexed."""
        return cls(rule, (*_value_tests(rule), *_place_tests(rule), *_time_tests(rule.when, calendar)))

    def covers(self, routing_input: RoutingInput) -> bool:
        """Return whether every stated condition holds."""
        for test in self.tests:  # noqa: SIM110  # every case passes here, and a generator would double the cost
            if not test(routing_input):
                return False
        return True


@dataclass(frozen=True, slots=True)
class RuleIndex:
    """The rules that may cover a class, in the city's order."""

    by_class: Mapping[str, tuple[CompiledRule, ...]]
    without_class: tuple[CompiledRule, ...]
    departments: DepartmentLookup

    @classmethod
    def of(cls, pack: Pack, calendar: WorkingCalendar) -> Self:
        """Compile a pack's rules and index them by class, in order."""
        compiled = [CompiledRule.of(rule, calendar) for rule in pack.routing]
        codes = [each.code for each in pack.catalogue.classes]
        return cls(
            by_class={code: tuple(each for each in compiled if rule_matches_class(each.rule, code)) for code in codes},
            without_class=tuple(each for each in compiled if each.rule.classes is None),
            departments=DepartmentLookup.of(pack.departments),
        )

    def route(self, routing_input: RoutingInput) -> RouteDecision:
        """Choose the department of a case, by the first rule that covers it."""
        for compiled in self.by_class.get(routing_input.class_code or "", self.without_class):
            if compiled.covers(routing_input):
                rule = compiled.rule
                lead = self.departments.find(rule.lead, routing_input.place, routing_input.owner)
                if lead is not None and lead not in routing_input.declined:
                    return Routed(rule.id, lead, tuple(self._find_helpers(rule, routing_input, lead)))
        return Unrouted()

    def asks_for_place(self, class_code: ClassCode | None) -> bool:
        """Return whether a rule for this class asks where the case is, or names the department of its place."""
        return any(_asks_for_place(each.rule) for each in self._rules_for(class_code))

    def asks_for_street(self, class_code: ClassCode | None) -> bool:
        """Return whether a rule for this class names the department of its street."""
        return any(each.rule.lead.startswith("street:") for each in self._rules_for(class_code))

    def _rules_for(self, class_code: ClassCode | None) -> tuple[CompiledRule, ...]:
        return self.by_class.get(class_code or "", self.without_class)

    def _find_helpers(self, rule: RoutingRule, routing_input: RoutingInput, lead: str) -> Iterator[str]:
        for helper in rule.helpers:
            department = self.departments.find(helper, routing_input.place, routing_input.owner)
            if department is not None and department != lead:
                yield department


def rule_matches_class(rule: RoutingRule, class_code: str) -> bool:
    """Return whether a rule may cover this class."""
    return rule.classes is None or any(matches_class(pattern, class_code) for pattern in rule.classes)


def _asks_for_place(rule: RoutingRule) -> bool:
    is_by_place = rule.lead.startswith(("district:", "street:"))
    return is_by_place or any(each is not None for each in (rule.places, rule.areas, rule.grids))


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
        yield lambda routing_input: not routing_input.place.areas.isdisjoint(areas)
    if rule.grids is not None:
        prefixes = rule.grids
        yield (
            lambda routing_input: routing_input.place.grid is not None and routing_input.place.grid.startswith(prefixes)
        )


def _time_tests(when: TimeCondition | None, calendar: WorkingCalendar) -> Iterator[RuleTest]:
    if when is None:
        return
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


def _jurisdiction(department: Department) -> tuple[str, str]:
    if department.street:
        return "street", department.street
    return ("district", department.district) if department.district else ("city", "")
