"""A city's routing rules made ready: sorted by class once, so that a matter meets only the rules that may cover it."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Self

from paidan_contracts.city.calendar import WorkingCalendar
from paidan_contracts.city.organisation import Department
from paidan_contracts.city.pack import Pack
from paidan_contracts.city.places import Spot
from paidan_contracts.city.routing import HardToPlace, Routable, Routed, Routing, Rule, When, dates_hold, hours_hold
from paidan_contracts.city.tuning import fits

_WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


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
class Routebook:
    """The rules, in the city's order, by the class codes that they may cover."""

    by_class: Mapping[str, tuple[Rule, ...]]
    classless: tuple[Rule, ...]
    registry: Registry
    calendar: WorkingCalendar

    @classmethod
    def of(cls, pack: Pack, calendar: WorkingCalendar) -> Self:
        """Sort a pack's rules by class; their order stays."""
        codes = [each.code for each in pack.catalogue.classes]
        return cls(
            by_class={code: tuple(rule for rule in pack.routing if names_class(rule, code)) for code in codes},
            classless=tuple(rule for rule in pack.routing if rule.classes is None),
            registry=Registry.of(pack.departments),
            calendar=calendar,
        )

    def route(self, matter: Routable) -> Routing:
        """Name the department that must act, by the first rule that covers the matter and can name one."""
        for rule in self._rules(matter):
            lead = self.registry.named(rule.lead, matter.spot, matter.owner)
            if lead is not None and lead not in matter.declined and self._covers(rule, matter):
                return Routed(rule.id, lead, tuple(self._helpers(rule, matter, lead)))
        return HardToPlace()

    def _rules(self, matter: Routable) -> tuple[Rule, ...]:
        return self.by_class.get(matter.class_code or "", self.classless)

    def _helpers(self, rule: Rule, matter: Routable, lead: str) -> Iterator[str]:
        for helper in rule.helpers:
            named = self.registry.named(helper, matter.spot, matter.owner)
            if named is not None and named != lead:
                yield named

    def _covers(self, rule: Rule, matter: Routable) -> bool:
        return (
            _among(rule.conditions, matter.condition)
            and _among(rule.owners, matter.owner)
            and _among(rule.channels, matter.channel)
            and _among(rule.sources, matter.source)
            and _among(rule.matters, matter.matter)
            and _lies_in(rule, matter.spot)
            and (rule.when is None or self._holds(rule.when, matter))
        )

    def _holds(self, when: When, matter: Routable) -> bool:
        local = matter.at.astimezone(self.calendar.zone)
        return (
            _among(when.weekdays, _WEEKDAYS[local.weekday()])
            and (when.hours is None or any(hours_hold(hours, local.time()) for hours in when.hours))
            and (when.dates is None or any(dates_hold(dates, local.date()) for dates in when.dates))
            and (when.working_time is None or when.working_time == self.calendar.is_working_time(matter.at))
        )


def names_class(rule: Rule, class_code: str) -> bool:
    """Tell whether a rule's class condition, if it has one, means this class."""
    return rule.classes is None or any(fits(pattern, class_code) for pattern in rule.classes)


def _among(stated: tuple[str, ...] | None, value: str | None) -> bool:
    return stated is None or value in stated


def _lies_in(rule: Rule, spot: Spot) -> bool:
    if rule.places is not None and not {spot.district, spot.street, spot.community}.intersection(rule.places):
        return False
    if rule.areas is not None and spot.areas.isdisjoint(rule.areas):
        return False
    return rule.grids is None or any((spot.grid or "").startswith(begin) for begin in rule.grids)


def _seat(department: Department) -> tuple[str, str]:
    if department.street:
        return "street", department.street
    return ("district", department.district) if department.district else ("city", "")
