"""Validates departments and sources."""

from collections.abc import Iterator

from paidan_contracts.city.diagnostics import DocumentPath, Violation
from paidan_contracts.city.organisation import Department
from paidan_contracts.city.pack import Pack
from paidan_contracts.city.validation.references import KnownIds, find_duplicates
from paidan_contracts.wire import SCREENED_CHANNELS


def check_organisation(pack: Pack, known_ids: KnownIds) -> Iterator[Violation]:
    """Yield duplicate ids, and departments of unknown places."""
    yield from find_duplicates(("departments",), "id", (each.id for each in pack.departments))
    yield from find_duplicates(("sources",), "id", (each.id for each in pack.sources))
    if not pack.departments and not known_ids.pruned:
        yield Violation(("departments",), "a city has at least one department")
    for index, source in enumerate(pack.sources):
        if source.own_topic and source.kind not in SCREENED_CHANNELS:
            yield Violation(
                ("sources", index, "own_topic"), f"only cameras and sensors have topics, not a {source.kind}"
            )
    for index, department in enumerate(pack.departments):
        yield from _check_jurisdiction(("departments", index), department, known_ids)


def _check_jurisdiction(path: DocumentPath, department: Department, known_ids: KnownIds) -> Iterator[Violation]:
    if department.id == "owner":
        yield Violation((*path, "id"), "'owner' is reserved for the owner of a component; choose another id")
    for field, code in (("district", department.district), ("street", department.street)):
        if code is not None and not known_ids.has_place(code):
            yield Violation((*path, field), f"there is no {field} {code!r}")
        elif code in known_ids.places and known_ids.places[code].level != field:
            yield Violation((*path, field), f"{code!r} is a {known_ids.places[code].level}, not a {field}")
    if department.street and not department.district:
        yield Violation((*path, "district"), "is missing: a street's department states its district")
    elif department.street in known_ids.places and not known_ids.is_within(
        department.street, [department.district or ""]
    ):
        yield Violation((*path, "street"), f"{department.street!r} does not lie in district {department.district!r}")
