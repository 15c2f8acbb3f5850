"""Checks routing rules one by one: that they can hold at all, and name departments that exist."""

from collections import Counter
from collections.abc import Iterator
from datetime import date

from paidan_contracts.city.diagnostics import Fault, Path
from paidan_contracts.city.organisation import Department
from paidan_contracts.city.pack import Pack
from paidan_contracts.city.routing import Dates, Hours, Rule, When
from paidan_contracts.city.validation.references import Known, twice
from paidan_contracts.city.validation.shadowed_rules import check_shadows, sources_meant


def check_routing(pack: Pack, known: Known) -> Iterator[Fault]:
    """Find rules that are empty, can never hold, name nobody, or stand behind one that takes all their matters."""
    yield from twice(("routing",), "id", (rule.id for rule in pack.routing))
    if not pack.routing:
        yield Fault(("routing",), "there is no rule: every case would wait at the hard-to-place desk")
    for index, rule in enumerate(pack.routing):
        path: Path = ("routing", index)
        yield from _check_emptiness(path, rule)
        yield from _check_classes(path, rule, pack, known)
        yield from _check_references(path, rule, known)
        yield from _check_when(path, rule.when)
        for field, leads in (("lead", (rule.lead,)), ("helpers", rule.helpers)):
            for lead in leads:
                yield from _check_lead((*path, field), lead, rule, pack.departments, known)
        if not known.excused and not sources_meant(rule, pack):
            yield Fault((*path, "sources"), "no source of the city is meant: the rule can never hold")
    yield from check_shadows(pack, known)


def _check_emptiness(path: Path, rule: Rule) -> Iterator[Fault]:
    for field, stated in rule:
        if stated == () and field != "helpers":
            yield Fault((*path, field), "is empty: the rule can never hold")


def _check_classes(path: Path, rule: Rule, pack: Pack, known: Known) -> Iterator[Fault]:
    meant: set[str] = set()
    for pattern in rule.classes or ("*",):
        codes = known.meant(pattern)
        meant |= codes
        if not codes:
            yield Fault((*path, "classes"), f"{pattern!r} means no class of the catalogue")
    conditions = {row.condition for row in pack.catalogue.rows if row.class_code in meant}
    for condition in rule.conditions or ():
        if condition not in conditions and not known.excused:
            yield Fault((*path, "conditions"), f"no row of these classes has the condition {condition!r}")


def _check_references(path: Path, rule: Rule, known: Known) -> Iterator[Fault]:
    referred = (
        ("owners", rule.owners, known.departments, "there is no department"),
        ("sources", rule.sources, known.sources, "there is no source"),
        ("places", rule.places, known.places.keys() | known.excused, "there is no district, street or community"),
        ("areas", rule.areas, known.areas, "geography/areas.geojson draws no area"),
    )
    for field, codes, existing, missing in referred:
        for code in codes or ():
            if code not in existing:
                yield Fault((*path, field), f"{missing} {code!r}")
    for begin in rule.grids or ():
        if not any(begin.startswith(code) or code.startswith(begin) for code in known.places):
            yield Fault((*path, "grids"), f"no grid cell's code begins with {begin!r}")


def _check_when(path: Path, when: When | None) -> Iterator[Fault]:
    if when is None:
        return
    if when == When():
        yield Fault((*path, "when"), "is empty: leave it out, or say when")
    for field, stated in when:
        if stated == ():
            yield Fault((*path, "when", field), "is empty: the rule can never hold")
    for hours in when.hours or ():
        yield from _check_hours((*path, "when", "hours"), hours)
    for dates in when.dates or ():
        yield from _check_dates((*path, "when", "dates"), dates)


def _check_hours(path: Path, hours: Hours) -> Iterator[Fault]:
    begin, end = hours.split("-")
    if begin == end:
        yield Fault(path, f"{hours!r} ends when it begins")


def _check_dates(path: Path, dates: Dates) -> Iterator[Fault]:
    first, last = dates.split("..")
    if len(first) != len(last):
        yield Fault(path, f"{dates!r} names a year at one end only")
        return
    try:
        # 2024 has a 29 February, which a yearly range may name.
        begin, end = (date.fromisoformat(day if len(day) > 5 else f"2024-{day}") for day in (first, last))
    except ValueError:
        yield Fault(path, f"{dates!r} names a day that does not exist")
        return
    if len(first) > 5 and end < begin:
        yield Fault(path, f"{dates!r} ends before it begins")


def _check_lead(
    path: Path, lead: str, rule: Rule, departments: tuple[Department, ...], known: Known
) -> Iterator[Fault]:
    level, colon, kind = lead.partition(":")
    if not colon:
        if lead != "owner" and lead not in known.departments:
            yield Fault(path, f"there is no department {lead!r}")
        return
    seats = Counter(_seat(each, level) for each in departments if each.kind == kind)
    for place in _places_meant(rule, level, known):
        found = seats[place]
        if found != 1 and not known.excused:
            where = f"{level} {place}" if place else "the city"
            yield Fault(path, f"{where} has {found or 'no'} departments of the kind {kind!r}, and must have one")


def _seat(department: Department, level: str) -> str | None:
    if level == "street":
        return department.street
    if department.street or (level == "city" and department.district):
        return None
    return department.district if level == "district" else ""


def _places_meant(rule: Rule, level: str, known: Known) -> list[str]:
    if level == "city":
        return [""]
    of_level = [place.code for place in known.places.values() if place.level == level]
    if rule.places is None:
        return of_level
    return [
        code
        for code in of_level
        if known.lies_within(code, rule.places) or any(known.lies_within(place, [code]) for place in rule.places)
    ]
