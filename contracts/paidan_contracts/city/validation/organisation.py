"""Validates departments and sources."""

from collections.abc import Iterator
from typing import Final

from paidan_contracts.city.diagnostics import DocumentPath, Violation
from paidan_contracts.city.geography import LEVELS_ZH
from paidan_contracts.city.organisation import Department
from paidan_contracts.city.pack import Pack
from paidan_contracts.city.validation.references import KnownIds, find_duplicates
from paidan_contracts.nearest import nearest
from paidan_contracts.wire import SCREENED_CHANNELS

MAX_UNIT_DEPTH: Final = 5
"""Levels of a bureau's tree; real ones have three or four, and a longer one is a mistake of its file."""


def check_organisation(pack: Pack, known_ids: KnownIds) -> Iterator[Violation]:
    """Yield duplicate ids, and departments of unknown places."""
    yield from find_duplicates(("departments",), "id", (each.id for each in pack.departments))
    yield from find_duplicates(("sources",), "id", (each.id for each in pack.sources))
    if not pack.departments and not known_ids.pruned:
        yield Violation(("departments",), "a city has at least one department", "城市至少须有一个部门")
    for index, source in enumerate(pack.sources):
        if source.own_topic and source.kind not in SCREENED_CHANNELS:
            yield Violation(
                ("sources", index, "own_topic"),
                f"only cameras and sensors have topics, not a {source.kind}",
                f"只有摄像头和传感器才有自己的主题，{source.kind} 没有",
            )
    for index, department in enumerate(pack.departments):
        yield from _check_jurisdiction(("departments", index), department, known_ids)
        yield from _check_parent(("departments", index), department, pack, known_ids)


def _check_parent(path: DocumentPath, unit: Department, pack: Pack, known_ids: KnownIds) -> Iterator[Violation]:
    if unit.parent is not None and unit.parent not in known_ids.departments:
        hint = nearest(unit.parent, known_ids.departments)
        yield Violation(
            (*path, "parent"), f"there is no unit {unit.parent!r}{hint.en}", f"没有单位 {unit.parent!r}{hint.zh}"
        )
        return
    departments = {each.id: each for each in pack.departments}
    line, current = [unit], unit.parent
    while current in departments and current != unit.id and len(line) <= MAX_UNIT_DEPTH:
        line.append(departments[current])
        current = departments[current].parent
    if current == unit.id:
        yield Violation(
            (*path, "parent"),
            f"goes round in a circle: {' in '.join(each.id for each in [*line, unit])}",
            f"上级单位成环：{' 属于 '.join(each.id for each in [*line, unit])}",
        )
    elif len(line) > MAX_UNIT_DEPTH:
        yield Violation(
            (*path, "parent"),
            f"is more than {MAX_UNIT_DEPTH} levels deep",
            f"层级超过 {MAX_UNIT_DEPTH} 级",
        )
    elif (
        unit.channel == "bureau" and all(each.channel == "bureau" for each in line) and current not in known_ids.pruned
    ):
        yield Violation(
            (*path, "channel"),
            "is bureau, and no unit above it has topics of its own",
            "为 bureau，但其上级单位均没有自己的主题",
        )


def _check_jurisdiction(path: DocumentPath, department: Department, known_ids: KnownIds) -> Iterator[Violation]:
    if department.id == "owner":
        yield Violation(
            (*path, "id"),
            "'owner' is reserved for the owner of a component; choose another id",
            "'owner' 专指部件的权属单位，请另选 id",
        )
    for field, code in (("district", department.district), ("street", department.street)):
        if code is not None and not known_ids.has_place(code):
            yield Violation((*path, field), f"there is no {field} {code!r}", f"没有{LEVELS_ZH[field]} {code!r}")
        elif code in known_ids.places and known_ids.places[code].level != field:
            yield Violation(
                (*path, field),
                f"{code!r} is a {known_ids.places[code].level}, not a {field}",
                f"{code!r} 是{LEVELS_ZH[known_ids.places[code].level]}，不是{LEVELS_ZH[field]}",
            )
    if department.street and not department.district:
        yield Violation(
            (*path, "district"),
            "is missing: a street's department states its district",
            "缺少必填项：街道的部门须写明所属区县",
        )
    elif department.street in known_ids.places and not known_ids.is_within(
        department.street, [department.district or ""]
    ):
        yield Violation(
            (*path, "street"),
            f"{department.street!r} does not lie in district {department.district!r}",
            f"{department.street!r} 不在区县 {department.district!r} 之内",
        )
