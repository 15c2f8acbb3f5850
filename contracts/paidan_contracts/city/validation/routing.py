"""Validates routing rules: that each can apply, and that its departments exist."""

from collections import Counter
from collections.abc import Iterator
from datetime import date

from paidan_contracts.city.diagnostics import DocumentPath, Violation
from paidan_contracts.city.geography import LEVELS_ZH
from paidan_contracts.city.organisation import Department
from paidan_contracts.city.pack import Pack
from paidan_contracts.city.routing import DateRange, HourRange, RoutingRule, TimeCondition
from paidan_contracts.city.validation.references import KnownIds, find_duplicates, find_unmatched_classes
from paidan_contracts.city.validation.shadowed_rules import check_shadowed_rules, matching_sources


def check_routing(pack: Pack, known_ids: KnownIds) -> Iterator[Violation]:
    """Yield rules that are empty, can never apply, choose no department, or are shadowed by earlier rules."""
    yield from find_duplicates(("routing",), "id", (rule.id for rule in pack.routing))
    if not pack.routing and not known_ids.pruned:
        yield Violation(
            ("routing",),
            "there is no rule: every case would wait at the hard-to-place desk",
            "没有规则：所有案件都将在疑难案件席位等待",
        )
    for index, rule in enumerate(pack.routing):
        path: DocumentPath = ("routing", index)
        yield from _check_not_empty(path, rule)
        yield from _check_classes(path, rule, pack, known_ids)
        yield from _check_references(path, rule, known_ids)
        yield from _check_time_condition(path, rule.when)
        for field, selectors in (("lead", (rule.lead,)), ("helpers", rule.helpers)):
            for selector in selectors:
                yield from _check_selector((*path, field), selector, rule, pack.departments, known_ids)
        if not known_ids.pruned and not matching_sources(rule, pack):
            yield Violation(
                (*path, "sources"),
                "matches no source of the city: the rule can never apply",
                "与本市的任何来源都不符：该规则永远不会适用",
            )
    yield from check_shadowed_rules(pack, known_ids)


def _check_not_empty(path: DocumentPath, rule: RoutingRule) -> Iterator[Violation]:
    for field, value in rule:
        if value == () and field != "helpers":
            yield Violation((*path, field), "is empty: the rule can never apply", "为空：该规则永远不会适用")


def _check_classes(path: DocumentPath, rule: RoutingRule, pack: Pack, known_ids: KnownIds) -> Iterator[Violation]:
    patterns = rule.classes or ("*",)
    yield from find_unmatched_classes(path, patterns, known_ids)
    matched_classes = {code for pattern in patterns for code in known_ids.classes_matching(pattern)}
    conditions = {row.condition for row in pack.catalogue.rows if row.class_code in matched_classes}
    for condition in rule.conditions or ():
        if condition not in conditions and not known_ids.pruned:
            yield Violation(
                (*path, "conditions"),
                f"no row of these classes has the condition {condition!r}",
                f"这些类别的条目中没有条件 {condition!r}",
            )


def _check_references(path: DocumentPath, rule: RoutingRule, known_ids: KnownIds) -> Iterator[Violation]:
    references = (
        ("owners", rule.owners, known_ids.departments, "there is no department", "没有部门"),
        ("sources", rule.sources, known_ids.sources, "there is no source", "没有来源"),
        (
            "places",
            rule.places,
            known_ids.places.keys() | known_ids.pruned,
            "there is no district, street or community",
            "没有区县、街道或社区",
        ),
        (
            "areas",
            rule.areas,
            known_ids.areas,
            "geography/areas.geojson draws no area",
            "geography/areas.geojson 未绘制区域",
        ),
    )
    for field, codes, existing, missing, missing_zh in references:
        for code in codes or ():
            if code not in existing:
                yield Violation((*path, field), f"{missing} {code!r}", f"{missing_zh} {code!r}")
    for prefix in rule.grids or ():
        if not any(prefix.startswith(code) or code.startswith(prefix) for code in known_ids.places):
            yield Violation(
                (*path, "grids"), f"no grid cell's code begins with {prefix!r}", f"没有单元网格的编码以 {prefix!r} 开头"
            )


def _check_time_condition(path: DocumentPath, when: TimeCondition | None) -> Iterator[Violation]:
    if when is None:
        return
    if when == TimeCondition():
        yield Violation((*path, "when"), "is empty: leave it out, or state a time", "为空：请删去，或写明时间")
    for field, value in when:
        if value == ():
            yield Violation((*path, "when", field), "is empty: the rule can never apply", "为空：该规则永远不会适用")
    for hours in when.hours or ():
        yield from _check_hours((*path, "when", "hours"), hours)
    for dates in when.dates or ():
        yield from _check_dates((*path, "when", "dates"), dates)


def _check_hours(path: DocumentPath, hours: HourRange) -> Iterator[Violation]:
    begin, end = hours.split("-")
    if begin == end:
        yield Violation(path, f"{hours!r} ends when it begins", f"{hours!r} 的开始与结束相同")


def _check_dates(path: DocumentPath, dates: DateRange) -> Iterator[Violation]:
    first, last = dates.split("..")
    if len(first) != len(last):
        yield Violation(path, f"{dates!r} has a year at one end only", f"{dates!r} 只有一端写了年份")
        return
    try:
        # 2024 has a 29 February, which is valid in a yearly range.
        begin, end = (date.fromisoformat(day if len(day) > 5 else f"2024-{day}") for day in (first, last))
    except ValueError:
        yield Violation(path, f"{dates!r} names a day that does not exist", f"{dates!r} 中的日期不存在")
        return
    if len(first) > 5 and end < begin:
        yield Violation(path, f"{dates!r} ends before it begins", f"{dates!r} 的结束早于开始")


def _check_selector(
    path: DocumentPath, selector: str, rule: RoutingRule, departments: tuple[Department, ...], known_ids: KnownIds
) -> Iterator[Violation]:
    level, separator, kind = selector.partition(":")
    if not separator:
        if selector != "owner" and selector not in known_ids.departments:
            yield Violation(path, f"there is no department {selector!r}", f"没有部门 {selector!r}")
        elif any(each.id == selector and each.channel == "bureau" for each in departments):
            yield Violation(
                path,
                f"{selector!r} acts through its bureau: name the bureau, which hands on to it",
                f"{selector!r} 通过所属单位办理：请指定其所属单位，由其二级派遣",
            )
        return
    leads = (each for each in departments if each.kind == kind and each.channel != "bureau")
    departments_by_place = Counter(_place_at_level(each, level) for each in leads)
    for place in _places_of(rule, level, known_ids):
        count = departments_by_place[place]
        if count != 1 and not known_ids.pruned:
            where = f"{level} {place}" if place else "the city"
            where_zh = f"{LEVELS_ZH[level]} {place} " if place else "本市"
            yield Violation(
                path,
                f"{where} has {count or 'no'} departments of the kind {kind!r}, and must have one",
                f"{where_zh}有 {count} 个 {kind!r} 类的部门，须有且只有一个",
            )


def _place_at_level(department: Department, level: str) -> str | None:
    if level == "street":
        return department.street
    if department.street or (level == "city" and department.district):
        return None
    return department.district if level == "district" else ""


def _places_of(rule: RoutingRule, level: str, known_ids: KnownIds) -> list[str]:
    if level == "city":
        return [""]
    of_level = [place.code for place in known_ids.places.values() if place.level == level]
    if rule.places is None:
        return of_level
    return [
        code
        for code in of_level
        if known_ids.is_within(code, rule.places) or any(known_ids.is_within(place, [code]) for place in rule.places)
    ]
