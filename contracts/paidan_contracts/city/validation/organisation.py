"""Checks departments and sources."""

from collections.abc import Iterator

from paidan_contracts.city.diagnostics import Fault, Path
from paidan_contracts.city.organisation import Department
from paidan_contracts.city.pack import Pack
from paidan_contracts.city.validation.references import Known, twice


def check_organisation(pack: Pack, known: Known) -> Iterator[Fault]:
    """Find ids given twice, and departments that belong to places which do not exist."""
    yield from twice(("departments",), "id", (each.id for each in pack.departments))
    yield from twice(("sources",), "id", (each.id for each in pack.sources))
    if not pack.departments:
        yield Fault(("departments",), "a city has at least one department")
    for index, department in enumerate(pack.departments):
        yield from _check_seat(("departments", index), department, known)


def _check_seat(path: Path, department: Department, known: Known) -> Iterator[Fault]:
    if department.id == "owner":
        yield Fault((*path, "id"), "'owner' is what rules call whoever owns a component; choose another id")
    for field, code in (("district", department.district), ("street", department.street)):
        if code is not None and not known.knows_place(code):
            yield Fault((*path, field), f"there is no {field} {code!r}")
        elif code in known.places and known.places[code].level != field:
            yield Fault((*path, field), f"{code!r} is a {known.places[code].level}, no {field}")
    if department.street and not department.district:
        yield Fault((*path, "district"), "is missing: a street's department says which district it is in")
    elif department.street in known.places and not known.lies_within(department.street, [department.district or ""]):
        yield Fault((*path, "street"), f"{department.street!r} does not lie in district {department.district!r}")
