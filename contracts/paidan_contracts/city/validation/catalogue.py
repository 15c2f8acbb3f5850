"""Checks classes, rows and the sources' words for them."""

from collections import Counter
from collections.abc import Iterator
from typing import Final, get_args

from paidan_contracts.city.catalogue import Category, Row
from paidan_contracts.city.diagnostics import Fault, Path
from paidan_contracts.city.pack import Pack
from paidan_contracts.city.validation.references import Known, twice
from paidan_contracts.wire import Channel

CHANNELS: Final = frozenset(get_args(Channel))


def check_catalogue(pack: Pack, known: Known) -> Iterator[Fault]:
    """Find classes that cannot be filed, rows of no class, and words that mean nothing or two things."""
    catalogue = pack.catalogue
    path: Path = ("catalogue",)
    yield from twice((*path, "classes"), "code", (each.code for each in catalogue.classes))
    yield from twice((*path, "rows"), "id", (each.id for each in catalogue.rows))
    yield from twice((*path, "categories"), "word", ((each.source, each.word) for each in catalogue.categories))
    if not catalogue.classes:
        yield Fault((*path, "classes"), "a city has at least one class")
    yield from _check_defaults(pack, known)
    for index, row in enumerate(catalogue.rows):
        yield from _check_row((*path, "rows", index), row, known)
    for index, category in enumerate(catalogue.categories):
        yield from _check_category((*path, "categories", index), category, known)


def _check_defaults(pack: Pack, known: Known) -> Iterator[Fault]:
    rows = Counter(row.class_code for row in pack.catalogue.rows)
    defaults = Counter(row.class_code for row in pack.catalogue.rows if row.default)
    for index, each in enumerate(pack.catalogue.classes):
        path: Path = ("catalogue", "classes", index)
        if each.code in known.excused:
            continue
        if not rows[each.code]:
            yield Fault((*path, "code"), f"class {each.code} has no row in rows.csv: no case of it can be filed")
        elif not defaults[each.code]:
            yield Fault((*path, "code"), f"class {each.code} has no default row in rows.csv")
        elif defaults[each.code] > 1:
            yield Fault((*path, "code"), f"class {each.code} has {defaults[each.code]} default rows in rows.csv")


def _check_row(path: Path, row: Row, known: Known) -> Iterator[Fault]:
    if row.class_code not in known.classes:
        yield Fault((*path, "class_code"), f"there is no class {row.class_code!r}")
    if row.id != f"{row.class_code}-{row.condition}":
        yield Fault((*path, "id"), f"must be class code, dash, condition: {row.class_code}-{row.condition}")


def _check_category(path: Path, category: Category, known: Known) -> Iterator[Fault]:
    if category.source not in known.sources | CHANNELS:
        yield Fault((*path, "source"), f"there is no source and no channel {category.source!r}")
    if category.ignored == (category.class_code is not None):
        yield Fault((*path, "class_code"), "a word stands for a class, or is ignored: one of the two")
    if category.class_code is None:
        return
    if category.class_code not in known.classes:
        yield Fault((*path, "class_code"), f"there is no class {category.class_code!r}")
    elif category.condition and f"{category.class_code}-{category.condition}" not in known.rows:
        yield Fault((*path, "condition"), f"class {category.class_code} has no row {category.condition!r}")
