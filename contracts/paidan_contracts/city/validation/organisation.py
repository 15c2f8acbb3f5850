"""Validates departments and sources."""

from collections.abc import Iterator

from paidan_contracts.city.diagnostics import DocumentPath, Violation
from paidan_contracts.city.geography import LEVELS_ZH
from paidan_contracts.city.organisation import Department
from paidan_contracts.city.pack import Pack
from paidan_contracts.city.validation.references import KnownIds, find_duplicates
from paidan_contracts.wire import SCREENED_CHANNELS


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
