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
        yield Violation((*path, "classes"), "a city has at least one class", "城市至少须有一个类别")
    yield from _check_defaults(pack, known_ids)
    for index, row in enumerate(catalogue.rows):
        yield from _check_row((*path, "rows", index), row, known_ids)
    for index, category in enumerate(catalogue.categories):
        yield from _check_category((*path, "categories", index), category, known_ids)
    yield from find_duplicates((*path, "matters"), "word", ((each.source, each.word) for each in catalogue.matters))
    for index, each in enumerate(catalogue.matters):
        if each.source not in known_ids.sources | CHANNELS:
            problem = f"there is no source and no channel {each.source!r}"
            problem_zh = f"没有来源或渠道 {each.source!r}"
            yield Violation((*path, "matters", index, "source"), problem, problem_zh)


def _check_defaults(pack: Pack, known_ids: KnownIds) -> Iterator[Violation]:
    rows = Counter(row.class_code for row in pack.catalogue.rows)
    defaults = Counter(row.class_code for row in pack.catalogue.rows if row.default)
    for index, each in enumerate(pack.catalogue.classes):
        path: DocumentPath = ("catalogue", "classes", index)
        if each.code in known_ids.pruned:
            continue
        if not rows[each.code]:
            yield Violation(
                (*path, "code"),
                f"class {each.code} has no row in rows.csv: no case of it can be filed",
                f"类别 {each.code} 在 rows.csv 中没有条目：无法立案",
            )
        elif not defaults[each.code]:
            yield Violation(
                (*path, "code"),
                f"class {each.code} has no default row in rows.csv",
                f"类别 {each.code} 在 rows.csv 中没有默认条目",
            )
        elif defaults[each.code] > 1:
            yield Violation(
                (*path, "code"),
                f"class {each.code} has {defaults[each.code]} default rows in rows.csv",
                f"类别 {each.code} 在 rows.csv 中有 {defaults[each.code]} 个默认条目，只能有一个",
            )


def _check_row(path: DocumentPath, row: CatalogueRow, known_ids: KnownIds) -> Iterator[Violation]:
    if row.class_code not in known_ids.classes:
        yield Violation((*path, "class_code"), f"there is no class {row.class_code!r}", f"没有类别 {row.class_code!r}")
    if row.id != f"{row.class_code}-{row.condition}":
        yield Violation(
            (*path, "id"),
            f"must be class code, dash, condition: {row.class_code}-{row.condition}",
            f"须为“类别代码-条件”：{row.class_code}-{row.condition}",
        )


def _check_category(path: DocumentPath, category: Category, known_ids: KnownIds) -> Iterator[Violation]:
    if category.source not in known_ids.sources | CHANNELS:
        yield Violation(
            (*path, "source"),
            f"there is no source and no channel {category.source!r}",
            f"没有来源或渠道 {category.source!r}",
        )
    if category.ignored == (category.class_code is not None):
        yield Violation(
            (*path, "class_code"),
            "a category either has a class or is ignored",
            "分类要么对应一个类别，要么被忽略（ignored），二者必居其一",
        )
    if category.class_code is None:
        return
    if category.class_code not in known_ids.classes:
        yield Violation(
            (*path, "class_code"), f"there is no class {category.class_code!r}", f"没有类别 {category.class_code!r}"
        )
    elif category.condition and f"{category.class_code}-{category.condition}" not in known_ids.rows:
        yield Violation(
            (*path, "condition"),
            f"class {category.class_code} has no row {category.condition!r}",
            f"类别 {category.class_code} 没有条目 {category.condition!r}",
        )
