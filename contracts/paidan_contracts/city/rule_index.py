"""A city's routing rules, compiled and indexed by class, so that a case is tested only against rules for its class."""

from collections.abc import Callable, Hashable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import chain
from operator import attrgetter
from typing import Final, Self

from paidan_contracts.city.calendar import WorkingCalendar
from paidan_contracts.city.class_overrides import matches_class
from paidan_contracts.city.geography import PlaceCodes
from paidan_contracts.city.organisation import Department
from paidan_contracts.city.pack import Pack
from paidan_contracts.city.pack_types import ClassCode
from paidan_contracts.city.routing import Routed, RouteDecision, RoutingInput, RoutingRule, Unrouted
from paidan_contracts.city.rule_conditions import RuleTest, condition_tests

DECISIONS_KEPT: Final = 32_768
"""Decisions that a city keeps, one for each mix of class, places and channels; with more than that it starts anew."""

_SELECTOR_INPUTS: Final[Mapping[str, tuple[str, ...]]] = {
    "owner": ("owner",),
    "district": ("place.district",),
    "street": ("place.street",),
}


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
    inputs: frozenset[str] | None
    """Paths in ``RoutingInput`` of all that decides whether it covers a case, and whom it chooses; None: see above."""

    @classmethod
    def of(cls, rule: RoutingRule, calendar: WorkingCalendar) -> Self:
        """Compile a test of each stated condition but the class, by which rules are indexed."""
        tests = condition_tests(rule, calendar)
        asked = [_SELECTOR_INPUTS.get(each.partition(":")[0], ()) for each in (rule.lead, *rule.helpers)]
        inputs = [inputs for _, inputs in tests if inputs is not None]
        is_shared = len(inputs) == len(tests)
        return cls(rule, tuple(holds for holds, _ in tests), frozenset(chain(*inputs, *asked)) if is_shared else None)

    def covers(self, routing_input: RoutingInput) -> bool:
        """Return whether every stated condition holds."""
        for test in self.tests:  # noqa: SIM110  # every case passes here, and a generator would double the cost
            if not test(routing_input):
                return False
        return True


@dataclass(frozen=True, slots=True)
class ClassRules:
    """The rules that may cover a class, in the city's order, and what they ask of its cases."""

    rules: tuple[CompiledRule, ...]
    key_of: Callable[[RoutingInput], Hashable] | None
    """Returns the class and all that the rules ask for; None: a rule asks for what no two cases share."""
    asks_for_areas: bool

    @classmethod
    def of(cls, rules: tuple[CompiledRule, ...]) -> Self:
        """Combine what the rules ask for."""
        inputs = [each.inputs for each in rules if each.inputs is not None]
        is_shared = len(inputs) == len(rules)
        key_of = attrgetter("class_code", *sorted(frozenset[str]().union(*inputs))) if is_shared else None
        return cls(rules, key_of, any(each.rule.areas is not None for each in rules))


@dataclass(frozen=True, slots=True)
class RuleIndex:
    """The rules that may cover a class, in the city's order, and what they decided on cases alike in all they ask."""

    by_class: Mapping[str, ClassRules]
    without_class: ClassRules
    departments: DepartmentLookup
    decisions: dict[Hashable, RouteDecision] = field(default_factory=dict, compare=False)
    """Of all classes: their number bounds the memory, however many classes, places and channels a city has."""

    @classmethod
    def of(cls, pack: Pack, calendar: WorkingCalendar) -> Self:
        """Compile a pack's rules and index them by class, in order."""
        compiled = [CompiledRule.of(rule, calendar) for rule in pack.routing]
        codes = [each.code for each in pack.catalogue.classes]
        return cls(
            by_class={
                code: ClassRules.of(tuple(each for each in compiled if rule_matches_class(each.rule, code)))
                for code in codes
            },
            without_class=ClassRules.of(tuple(each for each in compiled if each.rule.classes is None)),
            departments=DepartmentLookup.of(pack.departments),
        )

    def route(self, routing_input: RoutingInput) -> RouteDecision:
        """Choose the department of a case, by the first rule that covers it."""
        rules = self._rules_for(routing_input.class_code)
        if rules.key_of is None or routing_input.declined:
            return self._decide(rules, routing_input)
        key, decisions = rules.key_of(routing_input), self.decisions
        decision = decisions.get(key)
        if decision is None:
            if len(decisions) >= DECISIONS_KEPT:
                decisions.clear()
            decision = decisions[key] = self._decide(rules, routing_input)
        return decision

    def _decide(self, rules: ClassRules, routing_input: RoutingInput) -> RouteDecision:
        for compiled in rules.rules:
            if compiled.covers(routing_input):
                rule = compiled.rule
                lead = self.departments.find(rule.lead, routing_input.place, routing_input.owner)
                if lead is not None and lead not in routing_input.declined:
                    return Routed(rule.id, lead, tuple(self._find_helpers(rule, routing_input, lead)))
        return Unrouted()

    def asks_for_place(self, class_code: ClassCode | None) -> bool:
        """Return whether a rule for this class asks where the case is, or names the department of its place."""
        return any(_asks_for_place(each.rule) for each in self._rules_for(class_code).rules)

    def asks_for_street(self, class_code: ClassCode | None) -> bool:
        """Return whether a rule for this class names the department of its street."""
        return any(each.rule.lead.startswith("street:") for each in self._rules_for(class_code).rules)

    def asks_for_areas(self, class_code: ClassCode | None) -> bool:
        """Return whether a rule for this class asks in which of the city's drawn areas the case is."""
        return self._rules_for(class_code).asks_for_areas

    def _rules_for(self, class_code: ClassCode | None) -> ClassRules:
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


def _jurisdiction(department: Department) -> tuple[str, str]:
    if department.street:
        return "street", department.street
    return ("district", department.district) if department.district else ("city", "")
