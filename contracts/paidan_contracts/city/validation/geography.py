"""Validates places and the unit grid by their codes; deploy validates that shapes do not overlap."""

from collections.abc import Collection, Iterator, Sequence
from typing import Final

from paidan_contracts.city.diagnostics import DocumentPath, Violation
from paidan_contracts.city.geography import LEVELS_ZH, Grid, PlaceEntry, Shape, WorkGrid
from paidan_contracts.city.pack import Pack
from paidan_contracts.city.validation.references import KnownIds, find_duplicates
from paidan_contracts.nearest import nearest

_PARENT_LEVELS: Final = {"district": None, "street": "district", "community": "street"}


def check_geography(pack: Pack, known_ids: KnownIds) -> Iterator[Violation]:
    """Yield places without a parent, open rings, and cells that are duplicate or outside the grid."""
    geography = pack.geography
    yield from find_duplicates(("geography", "places"), "code", (each.code for each in geography.places))
    yield from find_duplicates(("geography", "areas"), "id", (each.id for each in geography.areas))
    if not known_ids.pruned and not any(each.level == "district" for each in geography.places):
        yield Violation(("geography", "places"), "a city has at least one district", "城市至少须有一个区县")
    for index, place in enumerate(geography.places):
        yield from _check_place(("geography", "places", index), place, known_ids)
    for index, area in enumerate(geography.areas):
        yield from _check_shape(("geography", "areas", index, "shape"), area.shape)
    if geography.outline:
        yield from _check_shape(("geography", "outline"), geography.outline)
    if geography.grid:
        yield from _check_grid(geography.grid, known_ids)
    yield from _check_work_grids(geography.work_grids or (), {each.id for each in pack.posts or ()}, known_ids)


def _check_work_grids(grids: Sequence[WorkGrid], posts: Collection[str], known_ids: KnownIds) -> Iterator[Violation]:
    yield from find_duplicates(("geography", "work_grids"), "id", (each.id for each in grids))
    owners: dict[str, str] = {}
    for index, grid in enumerate(grids):
        path: DocumentPath = ("geography", "work_grids", index)
        for code in grid.places:
            place = known_ids.places.get(code)
            if place is None and code not in known_ids.pruned:
                yield Violation((*path, "places"), f"there is no place {code!r}", f"没有街道或社区 {code!r}")
            elif place is not None and place.level == "district":
                yield Violation(
                    (*path, "places"),
                    f"{code!r} is a district, not a street or a community",
                    f"{code!r} 是区县，不是街道或社区",
                )
            if owners.setdefault(code, grid.id) != grid.id:
                yield Violation(
                    (*path, "places"),
                    f"{code!r} is part of the work grid {owners[code]!r} already",
                    f"{code!r} 已属于责任网格 {owners[code]!r}",
                )
        for post in grid.posts:
            if post not in posts and post not in known_ids.pruned:
                hint = nearest(post, posts)
                yield Violation((*path, "posts"), f"there is no post {post!r}{hint.en}", f"没有岗位 {post!r}{hint.zh}")


def _check_place(path: DocumentPath, place: PlaceEntry, known_ids: KnownIds) -> Iterator[Violation]:
    parent_level = _PARENT_LEVELS[place.level]
    place_zh, parent_level_zh = LEVELS_ZH[place.level], LEVELS_ZH.get(parent_level or "", "")
    if parent_level is None and place.within is not None:
        yield Violation((*path, "within"), "must be empty for a district", "区县的此项须为空")
    elif parent_level is not None and place.within is None:
        yield Violation(
            (*path, "within"),
            f"is missing: a {place.level} lies within a {parent_level}",
            f"缺少必填项：{place_zh}须位于{parent_level_zh}之内",
        )
    elif place.within is not None and not known_ids.has_place(place.within):
        yield Violation(
            (*path, "within"), f"there is no {parent_level} {place.within!r}", f"没有{parent_level_zh} {place.within!r}"
        )
    elif place.within in known_ids.places and known_ids.places[place.within].level != parent_level:
        yield Violation(
            (*path, "within"),
            f"{place.within!r} is a {known_ids.places[place.within].level}, not a {parent_level}",
            f"{place.within!r} 是{LEVELS_ZH[known_ids.places[place.within].level]}，不是{parent_level_zh}",
        )
    if place.shape:
        yield from _check_shape((*path, "shape"), place.shape)


def _check_shape(path: DocumentPath, shape: Shape) -> Iterator[Violation]:
    if any(ring[0] != ring[-1] for rings in shape.polygons for ring in rings):
        yield Violation(path, "has a ring that is not closed", "有未闭合的环：首尾两点须相同")


def _check_grid(grid: Grid, known_ids: KnownIds) -> Iterator[Violation]:
    used_cells: set[tuple[int, int]] = set()
    used_codes: set[tuple[str, int]] = set()
    for index, run in enumerate(grid.runs):
        path: DocumentPath = ("geography", "grid", "runs", index)
        yield from _check_community(path, run.community, known_ids)
        if not run.begin < run.end <= grid.columns or run.row >= grid.rows:
            yield Violation(
                path,
                f"lies outside the grid of {grid.rows} rows and {grid.columns} columns, or is empty",
                f"超出 {grid.rows} 行 {grid.columns} 列的网格，或为空",
            )
            continue
        last = run.first + run.end - run.begin - 1
        if last > 999:
            yield Violation(
                (*path, "first"),
                f"community {run.community} would get a cell {last}; there are 999 numbers",
                f"社区 {run.community} 将出现第 {last} 号单元网格，而编号最多到 999",
            )
        cells = {(run.row, column) for column in range(run.begin, run.end)}
        codes = {(run.community, number) for number in range(run.first, last + 1)}
        if not cells.isdisjoint(used_cells):
            yield Violation(path, f"overlaps another run in row {run.row}", f"与第 {run.row} 行的另一段重叠")
        if not codes.isdisjoint(used_codes):
            yield Violation(
                (*path, "first"),
                f"repeats cell numbers of community {run.community}",
                f"重复使用了社区 {run.community} 的网格编号",
            )
        used_cells |= cells
        used_codes |= codes


def _check_community(path: DocumentPath, code: str, known_ids: KnownIds) -> Iterator[Violation]:
    place = known_ids.places.get(code)
    if place is None:
        if code not in known_ids.pruned:
            yield Violation((*path, "community"), f"there is no community {code!r}", f"没有社区 {code!r}")
    elif place.level != "community":
        yield Violation(
            (*path, "community"),
            f"{code!r} is a {place.level}, not a community",
            f"{code!r} 是{LEVELS_ZH[place.level]}，不是社区",
        )
    elif not (len(code) == 12 and code.isdigit()):
        yield Violation(
            (*path, "community"),
            f"{code!r} is not a code of 12 digits, with which a cell's code begins",
            f"{code!r} 不是 12 位数字代码，而单元网格编码须以其开头",
        )
