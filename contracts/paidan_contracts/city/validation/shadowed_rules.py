"""Finds routing rules that never apply, because earlier rules cover every case that they would.

Without false positives: where it is not certain that one rule covers another, none is reported.
"""

from collections.abc import Iterator, Sequence
from datetime import date, time
from functools import lru_cache
from typing import Final, get_args

from paidan_contracts.city.diagnostics import Violation
from paidan_contracts.city.pack import Pack
from paidan_contracts.city.routing import (
    DateRange,
    RoutingRule,
    TimeCondition,
    Weekday,
    is_within_dates,
    is_within_hours,
)
from paidan_contracts.city.rule_index import rule_matches_class
from paidan_contracts.city.validation.references import KnownIds

_MINUTES_OF_DAY: Final = tuple(time(minute // 60, minute % 60) for minute in range(24 * 60))
_ALWAYS: Final = TimeCondition()
_ALL_WEEK: Final[tuple[Weekday, ...]] = get_args(Weekday)


def check_shadowed_rules(pack: Pack, known_ids: KnownIds) -> Iterator[Violation]:
    """Yield every rule that earlier rules cover in each of its classes."""
    days = tuple(day.date for day in pack.calendar.days)
    codes = [each.code for each in pack.catalogue.classes]
    matched_classes = [frozenset(code for code in codes if rule_matches_class(rule, code)) for rule in pack.routing]
    for index, rule in enumerate(pack.routing):
        earlier = [
            (each, matched_classes[number])
            for number, each in enumerate(pack.routing[:index])
            if matched_classes[number] & matched_classes[index] and _covers(each, rule, pack, known_ids, days)
        ]
        covering = _covering_rules(rule, matched_classes[index], earlier)
        if covering:
            names = ", ".join(dict.fromkeys(each.id for each in covering))
            yield Violation(
                ("routing", index, "id"),
                f"never applies: earlier rules cover all of it: {names}",
                f"永远不会适用：前面的规则已全部涵盖：{names}",
            )


def matching_sources(rule: RoutingRule, pack: Pack) -> frozenset[str]:
    """Return the sources whose reports a rule may cover."""
    return frozenset(
        each.id
        for each in pack.sources
        if (rule.sources is None or each.id in rule.sources) and (rule.channels is None or each.kind in rule.channels)
    )


def _covering_rules(
    rule: RoutingRule, codes: frozenset[str], earlier: Sequence[tuple[RoutingRule, frozenset[str]]]
) -> list[RoutingRule]:
    """Return the rules that together cover this one in all classes at all hours; none where a part is left to it."""
    if rule.classes is None:
        return _covering_in_time(rule, [each for each, _ in earlier if each.classes is None])
    covering_by_class = [
        _covering_in_time(rule, [each for each, matched in earlier if code in matched]) for code in sorted(codes)
    ]
    return [each for rules in covering_by_class for each in rules] if all(covering_by_class) else []


def _covering_in_time(rule: RoutingRule, earlier: Sequence[RoutingRule]) -> list[RoutingRule]:
    """Return one rule that applies whenever this one does, or several that together do so over the week."""
    week = _week_minutes(rule.when or _ALWAYS)
    uncovered, covering = week, []
    for each in earlier:
        minutes = _week_minutes(each.when or _ALWAYS)
        if not week & ~minutes:
            return [each]
        if uncovered & minutes:
            covering.append(each)
            uncovered &= ~minutes
    return [] if uncovered else covering


@lru_cache(maxsize=1024)
def _week_minutes(when: TimeCondition) -> int:
    """Return the minutes of a week at which a rule applies, by its weekdays and hours, as a bit set."""
    hours = when.hours
    day_bits = sum(
        1 << number
        for number, minute in enumerate(_MINUTES_OF_DAY)
        if hours is None or any(is_within_hours(each, minute) for each in hours)
    )
    weekday_numbers = [
        number for number, name in enumerate(_ALL_WEEK) if when.weekdays is None or name in when.weekdays
    ]
    return sum(day_bits << number * len(_MINUTES_OF_DAY) for number in weekday_numbers)


def _covers(wide: RoutingRule, narrow: RoutingRule, pack: Pack, known_ids: KnownIds, days: Sequence[date]) -> bool:
    """Return whether one rule covers all that another does, at the hours at which both apply."""
    return (
        _is_subset(narrow.conditions, wide.conditions)
        and _is_subset(narrow.owners, wide.owners)
        and _is_subset(narrow.matters, wide.matters)
        and _is_subset(narrow.areas, wide.areas)
        and matching_sources(narrow, pack) <= matching_sources(wide, pack)
        and _places_within(narrow, wide, known_ids)
        and _dates_within(narrow.when or _ALWAYS, wide.when or _ALWAYS, days)
        and _always_finds_department(wide, narrow, known_ids)
    )


def _is_subset(narrow: Sequence[str] | None, wide: Sequence[str] | None) -> bool:
    return wide is None or (narrow is not None and set(narrow) <= set(wide))


def _places_within(narrow: RoutingRule, wide: RoutingRule, known_ids: KnownIds) -> bool:
    places_match = wide.places is None or (
        narrow.places is not None and all(known_ids.is_within(code, wide.places) for code in narrow.places)
    )
    prefixes = tuple(wide.grids or ())
    grids_match = wide.grids is None or (
        narrow.grids is not None and all(prefix.startswith(prefixes) for prefix in narrow.grids)
    )
    return places_match and grids_match


def _dates_within(narrow: TimeCondition, wide: TimeCondition, days: Sequence[date]) -> bool:
    if wide.working_time is not None and wide.working_time != narrow.working_time:
        return False
    return (
        wide.dates is None
        or narrow.dates == wide.dates
        or all(
            _any_range_contains(wide.dates, day)
            for day in days
            if narrow.dates is None or _any_range_contains(narrow.dates, day)
        )
    )


def _any_range_contains(dates: Sequence[DateRange], day: date) -> bool:
    return any(is_within_dates(each, day) for each in dates)


def _always_finds_department(wide: RoutingRule, narrow: RoutingRule, known_ids: KnownIds) -> bool:
    """Return whether the wide rule finds a department wherever the narrow one applies."""
    level, separator, _ = wide.lead.partition(":")
    if wide.lead == "owner":
        return narrow.owners is not None or narrow.lead == "owner"
    if not separator or level == "city":
        return True
    needed = {"district": ("district", "street", "community"), "street": ("street", "community")}[level]
    has_fitting_places = narrow.places is not None and all(
        code in known_ids.places and known_ids.places[code].level in needed for code in narrow.places
    )
    narrow_needs_place = narrow.lead.partition(":")[0] in (
        ("district", "street") if level == "district" else ("street",)
    )
    return has_fitting_places or narrow.grids is not None or (narrow_needs_place and ":" in narrow.lead)
