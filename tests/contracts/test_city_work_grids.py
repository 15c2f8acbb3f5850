"""Work grids 责任网格: streets and communities, and the posts that look after them. Mistakes in them are located."""

from pathlib import Path

import pytest

from paidan_contracts.city import load_city
from paidan_deploy.citypacks.check import check_folder
from tests.contracts.city_packs import QUANCHENG, TINY, append_line, copy_pack
from tests.contracts.invalid_packs import InvalidPackCase, Mutate, diagnostic_for

HEADER = "id,names.zh,names.en,places[],posts[]"
STEWARD = "id,names.zh,names.en,duty,classes[],places[],department\nsteward,网格员,Steward,steward,,,"


def work_grids(*lines: str) -> Mutate:
    """Return an edit that gives a pack these work grids, and a steward."""

    def mutate(folder: Path) -> None:
        append_line(folder, "posts.csv", STEWARD)
        append_line(folder, "geography/work_grids.csv", "\n".join([HEADER, *lines]))

    return mutate


INVALID = {
    "an unknown place": ("g,网格,Grid,990101001 990109,steward", "g: places: there is no place '990109'"),
    "a district": ("g,网格,Grid,990101,steward", "g: places: '990101' is a district, not a street or a community"),
    "an unknown post": (
        "g,网格,Grid,990101001,stewart",
        "g: posts: there is no post 'stewart' (did you mean steward?)",
    ),
    "nowhere": ("g,网格,Grid,,steward", "g: places: is missing"),
}


@pytest.mark.parametrize(("line", "expected"), INVALID.values(), ids=INVALID.keys())
def test_invalid_work_grid_is_diagnosed(tmp_path: Path, line: str, expected: str) -> None:
    planted = InvalidPackCase(work_grids(line), f"geography/work_grids.csv:2: {expected}")

    assert diagnostic_for(planted, tmp_path).startswith(planted.expected)


def test_place_belongs_to_one_work_grid_and_an_id_to_one(tmp_path: Path) -> None:
    folder = copy_pack(TINY, tmp_path)
    work_grids("g,一,One,990101001,", "h,二,Two,990101001,", "h,三,Three,990102001,")(folder)

    assert [str(each) for each in check_folder(folder).mistakes] == [
        "geography/work_grids.csv:3: h: places: '990101001' is part of the work grid 'g' already",
        "geography/work_grids.csv:4: h: id: duplicate 'h'",
    ]


def test_communitys_own_work_grid_has_precedence_over_its_streets(tmp_path: Path) -> None:
    folder = copy_pack(TINY, tmp_path)
    work_grids("street,街,Street,990101001,steward", "part,片,Part,990101001001,")(folder)
    geography = load_city(folder).geography

    def found(street: str | None, community: str | None) -> str | None:
        grid = geography.work_grid_of(street, community)
        return grid.id if grid else None

    assert found("990101001", "990101001001") == "part"
    assert found("990101001", None) == found("990101001", "990101001009") == "street"
    assert found("990102001", "990102001001") is found(None, None) is None


def test_demo_citys_work_grids_have_people_and_a_pack_without_any_keeps_its_bytes() -> None:
    grids = load_city(QUANCHENG).pack.geography.work_grids

    assert grids
    assert all(each.posts for each in grids)
    assert b"work_grids" not in check_folder(TINY).valid_pack().canonical_bytes()
