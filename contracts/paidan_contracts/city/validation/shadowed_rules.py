"""Finds routing rules that never apply, because the rules before them take every matter that they would.

Each answer is certain: where it cannot be told whether one rule covers another, it is not said to.
"""

from collections.abc import Iterator, Sequence
from datetime import date, time
from functools import lru_cache
from typing import Final, get_args

from paidan_contracts.city.diagnostics import Fault
from paidan_contracts.city.pack import Pack
from paidan_contracts.city.routing import Dates, Rule, Weekday, When, dates_hold, hours_hold
from paidan_contracts.city.rule_index import names_class
from paidan_contracts.city.validation.references import Known

_MINUTES: Final = tuple(time(minute // 60, minute % 60) for minute in range(24 * 60))
_ALWAYS: Final = When()
_ALL_WEEK: Final[tuple[Weekday, ...]] = get_args(Weekday)


def check_shadows(pack: Pack, known: Known) -> Iterator[Fault]:
    """Find every rule that is wholly shadowed by those before it, class by class."""
    days = tuple(day.date for day in pack.calendar.days)
    codes = [each.code for each in pack.catalogue.classes]
    meant = [frozenset(code for code in codes if names_class(rule, code)) for rule in pack.routing]
    for index, rule in enumerate(pack.routing):
        ahead = [
            (each, meant[number])
            for number, each in enumerate(pack.routing[:index])
            if meant[number] & meant[index] and _covers(each, rule, pack, known, days)
        ]
        shadowing = _shadowing(rule, meant[index], ahead)
        if shadowing:
            names = ", ".join(dict.fromkeys(each.id for each in shadowing))
            yield Fault(("routing", index, "id"), f"never applies: all that it covers is taken before it by {names}")


def sources_meant(rule: Rule, pack: Pack) -> frozenset[str]:
    """Name the sources whose reports a rule may cover."""
    return frozenset(
        each.id
        for each in pack.sources
        if (rule.sources is None or each.id in rule.sources) and (rule.channels is None or each.kind in rule.channels)
    )


def _shadowing(rule: Rule, codes: frozenset[str], ahead: Sequence[tuple[Rule, frozenset[str]]]) -> list[Rule]:
    """Name the rules that together take all classes of this one at all hours; none where anything is left to it."""
    if rule.classes is None:
        return _takers(rule, [each for each, _ in ahead if each.classes is None])
    takers = [_takers(rule, [each for each, taken in ahead if code in taken]) for code in sorted(codes)]
    return [each for several in takers for each in several] if all(takers) else []


def _takers(rule: Rule, ahead: Sequence[Rule]) -> list[Rule]:
    """Name one rule that holds whenever this one does, or several that share its week out between them."""
    week = _week(rule.when or _ALWAYS)
    left, several = week, []
    for each in ahead:
        taken = _week(each.when or _ALWAYS)
        if not week & ~taken:
            return [each]
        if left & taken:
            several.append(each)
            left &= ~taken
    return [] if left else several


@lru_cache(maxsize=1024)
def _week(when: When) -> int:
    """Give the minutes of a week at which a rule holds, by its weekdays and hours, as bits."""
    hours = when.hours
    day = sum(
        1 << number
        for number, minute in enumerate(_MINUTES)
        if hours is None or any(hours_hold(each, minute) for each in hours)
    )
    kept = [number for number, name in enumerate(_ALL_WEEK) if when.weekdays is None or name in when.weekdays]
    return sum(day << number * len(_MINUTES) for number in kept)


def _covers(wide: Rule, narrow: Rule, pack: Pack, known: Known, days: Sequence[date]) -> bool:
    """Tell whether a rule takes all that another would, at the hours of the week at which both hold."""
    return (
        _within(narrow.conditions, wide.conditions)
        and _within(narrow.owners, wide.owners)
        and _within(narrow.matters, wide.matters)
        and _within(narrow.areas, wide.areas)
        and sources_meant(narrow, pack) <= sources_meant(wide, pack)
        and _places_within(narrow, wide, known)
        and _dates_within(narrow.when or _ALWAYS, wide.when or _ALWAYS, days)
        and _can_name(wide, narrow, known)
    )


def _within(narrow: Sequence[str] | None, wide: Sequence[str] | None) -> bool:
    return wide is None or (narrow is not None and set(narrow) <= set(wide))


def _places_within(narrow: Rule, wide: Rule, known: Known) -> bool:
    places = wide.places is None or (
        narrow.places is not None and all(known.lies_within(code, wide.places) for code in narrow.places)
    )
    begins = tuple(wide.grids or ())
    grids = wide.grids is None or (narrow.grids is not None and all(begin.startswith(begins) for begin in narrow.grids))
    return places and grids


def _dates_within(narrow: When, wide: When, days: Sequence[date]) -> bool:
    if wide.working_time is not None and wide.working_time != narrow.working_time:
        return False
    return (
        wide.dates is None
        or narrow.dates == wide.dates
        or all(_any_holds(wide.dates, day) for day in days if narrow.dates is None or _any_holds(narrow.dates, day))
    )


def _any_holds(dates: Sequence[Dates], day: date) -> bool:
    return any(dates_hold(each, day) for each in dates)


def _can_name(wide: Rule, narrow: Rule, known: Known) -> bool:
    """Tell whether the wide rule finds its department wherever the narrow one would apply."""
    level, colon, _ = wide.lead.partition(":")
    if wide.lead == "owner":
        return narrow.owners is not None or narrow.lead == "owner"
    if not colon or level == "city":
        return True
    needed = {"district": ("district", "street", "community"), "street": ("street", "community")}[level]
    placed = narrow.places is not None and all(
        code in known.places and known.places[code].level in needed for code in narrow.places
    )
    asks_too = narrow.lead.partition(":")[0] in (("district", "street") if level == "district" else ("street",))
    return placed or narrow.grids is not None or (asks_too and ":" in narrow.lead)
