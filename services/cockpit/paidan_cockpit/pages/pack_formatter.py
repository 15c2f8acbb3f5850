"""Parts of a city pack as texts: rules, limits, departments. Pure; what has no text stands as its code."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from babel.dates import get_day_names
from babel.units import format_unit

from paidan_cockpit.pages.labels import Translate, label
from paidan_cockpit.pages.marked_texts import N_
from paidan_cockpit.pages.names import CityNames
from paidan_contracts.city.organisation import Department
from paidan_contracts.city.pack_types import TimeLimit
from paidan_contracts.city.routing import RoutingRule, TimeCondition

_WEEKDAYS: Final = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_UNITS: Final = {
    "working_hour": "hour",
    "working_day": "day",
    "urgent_minute": "minute",
    "urgent_hour": "hour",
    "urgent_day": "day",
}


_LEVEL_SELECTORS: Final = {
    "city": N_("the city's {kind}"),
    "district": N_("the {kind} of the case's district"),
    "street": N_("the {kind} of the case's street"),
}
_WHOLE_KINDS: Final = {"*": N_("every class"), "C*": N_("all components (C)"), "E*": N_("all events (E)")}
_CONDITIONS: Final = {
    "classes": N_("class {values}"),
    "conditions": N_("condition {values}"),
    "places": N_("in {values}"),
    "grids": N_("grid cells that begin with {values}"),
    "areas": N_("in the area {values}"),
    "owners": N_("owned by {values}"),
    "channels": N_("reported by {values}"),
    "sources": N_("from {values}"),
    "matters": N_("as {values}"),
}


@dataclass(frozen=True, slots=True)
class DepartmentGroup:
    """The departments of a district, or of the whole city, with those of its streets below them."""

    name: str
    departments: Sequence[Department]
    streets: Sequence["DepartmentGroup"] = ()


class PackFormatter:
    """Writes the parts of one city's pack in one language."""

    def __init__(self, names: CityNames, translate: Translate) -> None:
        assert names.city is not None  # noqa: S101 - a page of a pack has one
        self._names, self._city = names, names.city
        self._translate = translate
        self._areas = {each.id: names.of(each.names) for each in self._city.pack.geography.areas}

    def limit(self, limit: TimeLimit | None) -> str:
        """Return a time limit, such as `4 working hours`."""
        if limit is None:
            return self._translate(N_("the city's limit"))
        length = format_unit(limit.amount, f"duration-{_UNITS[limit.unit]}", locale=self._names.language)
        is_working = limit.unit.startswith("working")
        text = N_("{length} of working time") if is_working else N_("{length}, nights and holidays included")
        return self._translate(text).format(length=length)

    def rule(self, rule: RoutingRule) -> str:
        """Return a rule as a sentence: when it covers a case, and who must act then."""
        conditions = [*self._conditions(rule), *(self._times(rule.when) if rule.when else ())]
        when = self._translate(N_("; ")).join(conditions) or self._translate(N_("every case"))
        sentence = self._translate(N_("{when} → {department}")).format(when=when, department=self.selector(rule.lead))
        if not rule.helpers:
            return sentence
        helpers = self.listed(self.selector(each) for each in rule.helpers)
        return sentence + self._translate(N_(", helped by {helpers}")).format(helpers=helpers)

    def selector(self, selector: str) -> str:
        """Return whom a rule's selector stands for."""
        if selector == "owner":
            return self._translate(N_("the stated owner"))
        level, colon, kind = selector.partition(":")
        if not colon:
            return self._names.department(selector)
        example = next(
            (each for each in self._city.pack.departments if each.kind == kind and _level_of(each) == level), None
        )
        # A kind is an id of the pack's own; what it is, one of its departments says.
        shown_kind = kind if example is None else self._translate(N_("department"))
        text = self._translate(_LEVEL_SELECTORS[level]).format(kind=shown_kind)
        if example is None:
            return text
        return self._translate(N_("{text} (such as {example})")).format(
            text=text, example=self._names.of(example.names)
        )

    def class_pattern(self, pattern: str) -> str:
        """Return the classes that a pattern covers: the code with its name, or all that begin so."""
        if pattern in self._city.classes:
            return f"{pattern} {self._names.case_class(pattern)}"
        if pattern in _WHOLE_KINDS:
            return self._translate(_WHOLE_KINDS[pattern])
        big = {self._names.of(each.big) for each in self._city.classes.values() if each.code.startswith(pattern[:-1])}
        return f"{pattern} {big.pop()}" if len(big) == 1 else pattern

    def groups(self) -> Iterator[DepartmentGroup]:
        """Yield the departments as a tree: the city's, then each district's with those of its streets."""
        departments = self._city.pack.departments
        yield DepartmentGroup(self._names.city_name(), [each for each in departments if each.district is None])
        for district in dict.fromkeys(each.district for each in departments if each.district):
            inside = [each for each in departments if each.district == district]
            streets = dict.fromkeys(each.street for each in inside if each.street)
            below = [
                DepartmentGroup(self._names.place(street), [each for each in inside if each.street == street])
                for street in streets
            ]
            own = [each for each in inside if each.street is None]
            yield DepartmentGroup(self._names.place(district), own, below)

    def _conditions(self, rule: RoutingRule) -> Iterator[str]:
        for name, text in _CONDITIONS.items():
            if values := getattr(rule, name):
                listed = self.listed(self._named(name, value) for value in values)
                yield self._translate(text).format(values=listed)

    def _named(self, condition: str, value: str) -> str:
        match condition:
            case "classes":
                return self.class_pattern(value)
            case "areas":
                return self._areas.get(value, value)
            case "channels":
                return label(self._translate, "channel", value)
            case "matters":
                return label(self._translate, "matter", value)
            case _:
                look_up = {"places": self._names.place, "owners": self._names.department, "sources": self._names.source}
                return look_up[condition](value) if condition in look_up else value

    def _times(self, when: TimeCondition) -> Iterator[str]:
        if when.hours:
            yield self._translate(N_("at {values}")).format(values=self.listed(when.hours))
        if when.weekdays:
            days = get_day_names("abbreviated", locale=self._names.language)
            yield self._translate(N_("on {values}")).format(
                values=self.listed(str(days[_WEEKDAYS.index(each)]) for each in when.weekdays)
            )
        if when.dates:
            yield self._translate(N_("within {values}")).format(values=self.listed(when.dates))
        if when.working_time is not None:
            text = N_("in working hours") if when.working_time else N_("outside working hours")
            yield self._translate(text)

    def listed(self, values: Iterable[str]) -> str:
        """Return values as a list in one line."""
        return self._translate(N_(", ")).join(values)


def _level_of(department: Department) -> str:
    return "street" if department.street else "district" if department.district else "city"
