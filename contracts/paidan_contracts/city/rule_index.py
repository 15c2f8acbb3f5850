"""A city's routing rules made ready: sorted by class once, so that a matter meets only the rules that may cover it."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from operator import attrgetter
from typing import Final, Self, TypeAlias

from paidan_contracts.city.calendar import WorkingCalendar
from paidan_contracts.city.class_overrides import fits
from paidan_contracts.city.geography import Spot
from paidan_contracts.city.organisation import Department
from paidan_contracts.city.pack import Pack
from paidan_contracts.city.routing import HardToPlace, Routable, Routed, Routing, Rule, When, dates_hold, hours_hold

Test: TypeAlias = Callable[[Routable], bool]

_WEEKDAYS: Final = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


@dataclass(frozen=True, slots=True)
class Registry:
    """Which department of a kind belongs to which place: what ``district:urban-management`` stands for."""

    ids: frozenset[str]
    of_kind: Mapping[tuple[str, str, str], str]

    @classmethod
    def of(cls, departments: tuple[Department, ...]) -> Self:
        """Note every department under its kind and the place that it belongs to."""
        of_kind = {(level, code, each.kind): each.id for each in departments for level, code in (_seat(each),)}
        return cls(frozenset(each.id for each in departments), of_kind)

    def named(self, lead: str, spot: Spot, owner: str | None = None) -> str | None:
        """Name the department that a rule means for a place and an owner, if there is one."""
        if lead == "owner":
            return owner if owner in self.ids else None
        level, colon, kind = lead.partition(":")
        if not colon:
            return lead
        code = {"city": "", "district": spot.district, "street": spot.street}[level]
        return None if code is None else self.of_kind.get((level, code, kind))


@dataclass(frozen=True, slots=True)
class Prepared:
    """A rule with nothing but the tests that it states: most rules state one or two of their ten conditions."""

    rule: Rule
    tests: tuple[Test, ...]

    @classmethod
    def of(cls, rule: Rule, calendar: WorkingCalendar) -> Self:
        """Make a test of each condition that is given; the class is looked up, not tested."""
        return cls(rule, (*_value_tests(rule), *_place_tests(rule), *_time_tests(rule.when, calendar)))

    def covers(self, matter: Routable) -> bool:
        """Tell whether all that the rule states holds."""
        for test in self.tests:  # noqa: SIM110  # on the road of every case, where a generator would double its cost
            if not test(matter):
                return False
        return True


@dataclass(frozen=True, slots=True)
class Routebook:
    """The rules, in the city's order, by the class codes that they may cover."""

    by_class: Mapping[str, tuple[Prepared, ...]]
    classless: tuple[Prepared, ...]
    registry: Registry

    @classmethod
    def of(cls, pack: Pack, calendar: WorkingCalendar) -> Self:
        """Sort a pack's rules by class; their order stays."""
        prepared = [Prepared.of(rule, calendar) for rule in pack.routing]
        codes = [each.code for each in pack.catalogue.classes]
        return cls(
            by_class={code: tuple(each for each in prepared if names_class(each.rule, code)) for code in codes},
            classless=tuple(each for each in prepared if each.rule.classes is None),
            registry=Registry.of(pack.departments),
        )

    def route(self, matter: Routable) -> Routing:
        """Name the department that must act, by the first rule that covers the matter and can name one."""
        for prepared in self.by_class.get(matter.class_code or "", self.classless):
            if prepared.covers(matter):
                rule = prepared.rule
                lead = self.registry.named(rule.lead, matter.spot, matter.owner)
                if lead is not None and lead not in matter.declined:
                    return Routed(rule.id, lead, tuple(self._helpers(rule, matter, lead)))
        return HardToPlace()

    def _helpers(self, rule: Rule, matter: Routable, lead: str) -> Iterator[str]:
        for helper in rule.helpers:
            named = self.registry.named(helper, matter.spot, matter.owner)
            if named is not None and named != lead:
                yield named


def names_class(rule: Rule, class_code: str) -> bool:
    """Tell whether a rule's class condition, if it has one, means this class."""
    return rule.classes is None or any(fits(pattern, class_code) for pattern in rule.classes)


def _value_tests(rule: Rule) -> Iterator[Test]:
    stated = (
        (rule.channels, attrgetter("channel")),
        (rule.sources, attrgetter("source")),
        (rule.conditions, attrgetter("condition")),
        (rule.owners, attrgetter("owner")),
        (rule.matters, attrgetter("matter")),
    )
    for among, value in stated:
        if among is not None:
            yield _is_among(frozenset(among), value)


def _is_among(among: frozenset[str], value: Callable[[Routable], str | None]) -> Test:
    return lambda matter: value(matter) in among


def _place_tests(rule: Rule) -> Iterator[Test]:
    if rule.places is not None:
        places = frozenset(rule.places)
        yield (
            lambda matter: (
                matter.spot.district in places or matter.spot.street in places or matter.spot.community in places
            )
        )
    if rule.areas is not None:
        areas = frozenset(rule.areas)
        yield lambda matter: not matter.spot.areas.isdisjoint(areas)
    if rule.grids is not None:
        begins = rule.grids
        yield lambda matter: matter.spot.grid is not None and matter.spot.grid.startswith(begins)


def _time_tests(when: When | None, calendar: WorkingCalendar) -> Iterator[Test]:
    if when is None:
        return
    zone = calendar.zone
    if when.weekdays is not None:
        weekdays = frozenset(_WEEKDAYS.index(day) for day in when.weekdays)
        yield lambda matter: matter.at.astimezone(zone).weekday() in weekdays
    if when.hours is not None:
        hours = when.hours
        yield lambda matter: any(hours_hold(each, matter.at.astimezone(zone).time()) for each in hours)
    if when.dates is not None:
        dates = when.dates
        yield lambda matter: any(dates_hold(each, matter.at.astimezone(zone).date()) for each in dates)
    if when.working_time is not None:
        working = when.working_time
        yield lambda matter: calendar.is_working_time(matter.at) == working


def _seat(department: Department) -> tuple[str, str]:
    if department.street:
        return "street", department.street
    return ("district", department.district) if department.district else ("city", "")
