"""Checks places and the unit grid as far as codes and counting go; that shapes do not overlap is checked in deploy."""

from collections.abc import Iterator
from typing import Final

from paidan_contracts.city.diagnostics import Fault, Path
from paidan_contracts.city.geography import Grid, PlaceEntry, Shape
from paidan_contracts.city.pack import Pack
from paidan_contracts.city.validation.references import Known, twice

_OUTER: Final = {"district": None, "street": "district", "community": "street"}


def check_places(pack: Pack, known: Known) -> Iterator[Fault]:
    """Find places within nothing, open rings, and cells that are given twice or lie outside the grid."""
    geography = pack.geography
    yield from twice(("geography", "places"), "code", (each.code for each in geography.places))
    yield from twice(("geography", "areas"), "id", (each.id for each in geography.areas))
    if not any(each.level == "district" for each in geography.places):
        yield Fault(("geography", "places"), "a city has at least one district")
    for index, place in enumerate(geography.places):
        yield from _check_place(("geography", "places", index), place, known)
    for index, area in enumerate(geography.areas):
        yield from _check_shape(("geography", "areas", index, "shape"), area.shape)
    if geography.outline:
        yield from _check_shape(("geography", "outline"), geography.outline)
    if geography.grid:
        yield from _check_grid(geography.grid, known)


def _check_place(path: Path, place: PlaceEntry, known: Known) -> Iterator[Fault]:
    level = _OUTER[place.level]
    if level is None and place.within is not None:
        yield Fault((*path, "within"), "a district lies within the city, and names nothing")
    elif level is not None and place.within is None:
        yield Fault((*path, "within"), f"is missing: a {place.level} names its {level}")
    elif place.within is not None and not known.knows_place(place.within):
        yield Fault((*path, "within"), f"there is no {level} {place.within!r}")
    elif place.within in known.places and known.places[place.within].level != level:
        yield Fault((*path, "within"), f"{place.within!r} is a {known.places[place.within].level}, no {level}")
    if place.shape:
        yield from _check_shape((*path, "shape"), place.shape)


def _check_shape(path: Path, shape: Shape) -> Iterator[Fault]:
    if any(ring[0] != ring[-1] for rings in shape.polygons for ring in rings):
        yield Fault(path, "has a ring that does not end where it begins")


def _check_grid(grid: Grid, known: Known) -> Iterator[Fault]:
    taken: set[tuple[int, int]] = set()
    numbers: set[tuple[str, int]] = set()
    for index, run in enumerate(grid.runs):
        path: Path = ("geography", "grid", "runs", index)
        yield from _check_community(path, run.community, known)
        if not run.begin < run.end <= grid.columns or run.row >= grid.rows:
            yield Fault(path, f"lies outside the grid of {grid.rows} rows and {grid.columns} columns, or is empty")
            continue
        last = run.first + run.end - run.begin - 1
        if last > 999:
            yield Fault((*path, "first"), f"community {run.community} would get a cell {last}; there are 999 numbers")
        cells = {(run.row, column) for column in range(run.begin, run.end)}
        codes = {(run.community, number) for number in range(run.first, last + 1)}
        if not cells.isdisjoint(taken):
            yield Fault(path, f"has cells of row {run.row} that another run has already")
        if not codes.isdisjoint(numbers):
            yield Fault((*path, "first"), f"gives numbers of community {run.community} a second time")
        taken |= cells
        numbers |= codes


def _check_community(path: Path, code: str, known: Known) -> Iterator[Fault]:
    place = known.places.get(code)
    if place is None:
        if code not in known.excused:
            yield Fault((*path, "community"), f"there is no community {code!r}")
    elif place.level != "community":
        yield Fault((*path, "community"), f"{code!r} is a {place.level}, no community")
    elif not (len(code) == 12 and code.isdigit()):
        yield Fault((*path, "community"), f"{code!r} has not the 12 digits that a cell's code begins with")
