"""Validates classes, catalogue rows and the sources' categories."""

from collections import Counter
from collections.abc import Iterator
from typing import Final, get_args

from paidan_contracts.city.catalogue import CatalogueRow, Category
from paidan_contracts.city.diagnostics import DocumentPath, Violation
from paidan_contracts.city.pack import Pack
from paidan_contracts.city.validation.references import KnownIds, find_duplicates
from paidan_contracts.wire import Channel

CHANNELS: Final = frozenset(get_args(Channel))


def check_catalogue(pack: Pack, known_ids: KnownIds) -> Iterator[Violation]:
    """Yield classes without a default row, rows without a class, categories without one meaning, unknown sources."""
    catalogue = pack.catalogue
    path: DocumentPath = ("catalogue",)
    yield from find_duplicates((*path, "classes"), "code", (each.code for each in catalogue.classes))
    yield from find_duplicates((*path, "rows"), "id", (each.id for each in catalogue.rows))
    yield from find_duplicates(
        (*path, "categories"), "word", ((each.source, each.word) for each in catalogue.categories)
    )
    if not catalogue.classes:
        yield Violation((*path, "classes"), "a city has at least one class")
    yield from _check_defaults(pack, known_ids)
    for index, row in enumerate(catalogue.rows):
        yield from _check_row((*path, "rows", index), row, known_ids)
    for index, category in enumerate(catalogue.categories):
        yield from _check_category((*path, "categories", index), category, known_ids)
    yield from find_duplicates((*path, "matters"), "word", ((each.source, each.word) for each in catalogue.matters))
    for index, each in enumerate(catalogue.matters):
        if each.source not in known_ids.sources | CHANNELS:
            problem = f"there is no source and no channel {each.source!r}"
            yield Violation((*path, "matters", index, "source"), problem)


def _check_defaults(pack: Pack, known_ids: KnownIds) -> Iterator[Violation]:
    rows = Counter(row.class_code for row in pack.catalogue.rows)
    defaults = Counter(row.class_code for row in pack.catalogue.rows if row.default)
    for index, each in enumerate(pack.catalogue.classes):
        path: DocumentPath = ("catalogue", "classes", index)
        if each.code in known_ids.pruned:
            continue
        if not rows[each.code]:
            yield Violation((*path, "code"), f"class {each.code} has no row in rows.csv: no case of it can be filed")
        elif not defaults[each.code]:
            yield Violation((*path, "code"), f"class {each.code} has no default row in rows.csv")
        elif defaults[each.code] > 1:
            yield Violation((*path, "code"), f"class {each.code} has {defaults[each.code]} default rows in rows.csv")


def _check_row(path: DocumentPath, row: CatalogueRow, known_ids: KnownIds) -> Iterator[Violation]:
    if row.class_code not in known_ids.classes:
        yield Violation((*path, "class_code"), f"there is no class {row.class_code!r}")
    if row.id != f"{row.class_code}-{row.condition}":
        yield Violation((*path, "id"), f"must be class code, dash, condition: {row.class_code}-{row.condition}")


def _check_category(path: DocumentPath, category: Category, known_ids: KnownIds) -> Iterator[Violation]:
    if category.source not in known_ids.sources | CHANNELS:
        yield Violation((*path, "source"), f"there is no source and no channel {category.source!r}")
    if category.ignored == (category.class_code is not None):
        yield Violation((*path, "class_code"), "a category either has a class or is ignored")
    if category.class_code is None:
        return
    if category.class_code not in known_ids.classes:
        yield Violation((*path, "class_code"), f"there is no class {category.class_code!r}")
    elif category.condition and f"{category.class_code}-{category.condition}" not in known_ids.rows:
        yield Violation((*path, "condition"), f"class {category.class_code} has no row {category.condition!r}")
