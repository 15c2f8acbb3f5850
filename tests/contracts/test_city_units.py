"""The tree of a pack's units: what is wrong with it is located, and who hands on to whom. A small pack lacks it."""

import json
from pathlib import Path

import pytest

from paidan_contracts.city.organisation import Department
from paidan_contracts.city.pack_types import Names
from paidan_contracts.city.units import UnitTree
from paidan_deploy.citypacks.check import check_folder
from paidan_deploy.citypacks.new_pack import create_pack
from paidan_deploy.citypacks.publish import topics_of
from tests.contracts.city_packs import TINY, append_line, copy_pack, edit_file
from tests.contracts.invalid_packs import InvalidPackCase, Mutate, diagnostic_for

HEADER = "id,names.zh,names.en,kind,district,street,channel"
STREETS = "streets,街道清扫队,Street cleaning,cleaning,,,kafka"
LAMPS = "lamps,路灯所,Street lighting,lighting,,,http"


def units(*lines: str) -> Mutate:
    """Return an edit that gives the pack's two departments the columns of a tree, and adds these units."""

    def mutate(folder: Path) -> None:
        (folder / "departments.csv").write_text(
            "\n".join([f"{HEADER},parent,unit,enforcement", f"{STREETS},,bureau,", f"{LAMPS},,bureau,", *lines]) + "\n"
        )

    return mutate


INVALID_UNITS = {
    "an unknown parent": (
        ["squad,中队,Squad,squad,,,bureau,street,squad,yes"],
        "departments.csv:4: squad: parent: there is no unit 'street' (did you mean streets?)",
    ),
    "a circle": (
        ["a,甲,A,squad,,,kafka,b,squad,", "b,乙,B,squad,,,kafka,a,squad,"],
        "departments.csv:4: a: parent: goes round in a circle: a in b in a",
    ),
    "its own parent": (["a,甲,A,squad,,,kafka,a,squad,"], "departments.csv:4: a: parent: goes round in a circle: a in"),
    "too deep": (
        [f"u{n},层{n},U{n},squad,,,bureau,{f'u{n - 1}' if n else 'streets'},squad," for n in range(6)],
        "departments.csv:8: u4: parent: is more than 5 levels deep",
    ),
    "no topics anywhere above": (
        ["a,甲,A,squad,,,bureau,,squad,"],
        "departments.csv:4: a: channel: is bureau, and no unit above it",
    ),
    "an unknown kind of unit": (["a,甲,A,squad,,,bureau,streets,team,"], "departments.csv:4: a: unit: Input should be"),
}  # fmt: skip


@pytest.mark.parametrize(("lines", "expected"), INVALID_UNITS.values(), ids=INVALID_UNITS.keys())
def test_invalid_unit_is_diagnosed(tmp_path: Path, lines: list[str], expected: str) -> None:
    assert diagnostic_for(InvalidPackCase(units(*lines), expected), tmp_path).startswith(expected)


def test_rule_may_not_name_a_unit_that_acts_through_its_bureau(tmp_path: Path) -> None:
    folder = copy_pack(TINY, tmp_path)
    units("squad,中队,Squad,cleaning-squad,,,bureau,streets,squad,yes")(folder)
    edit_file(folder, "routing.toml", 'lead = "streets"', 'lead = "squad"')
    edit_file(folder, "routing.toml", 'lead = "lamps"', 'lead = "city:cleaning-squad"')

    found = [str(each) for each in check_folder(folder).mistakes]

    assert found == [
        "routing.toml:1: lamps: lead: the city has no departments of the kind 'cleaning-squad', and must have one",
        "routing.toml:7: rubbish: lead: 'squad' acts through its bureau: name the bureau, which hands on to it",
    ]


def test_unit_that_acts_through_its_bureau_has_no_topics(tmp_path: Path) -> None:
    folder = copy_pack(TINY, tmp_path)
    units("squad,中队,Squad,squad,,,bureau,streets,squad,yes", "own,二队,Own,squad,,,kafka,streets,squad,yes")(folder)

    topics = topics_of(check_folder(folder).valid_pack())

    assert [each for each in topics if "squad" in each or each.endswith(".own")] == [
        "paidan.orders.own",
        "paidan.answers.own",
    ]


def test_pack_of_another_city_keeps_its_tree(tmp_path: Path) -> None:
    folder = copy_pack(TINY, tmp_path)
    units("squad,中队,Squad,squad,,,bureau,streets,squad,yes")(folder)

    pack = create_pack("mine", folder, tmp_path / "mine")

    assert [(each.id, each.parent) for each in pack.departments] == [
        ("mine-streets", None),
        ("mine-lamps", None),
        ("mine-squad", "mine-streets"),
    ]


def test_pack_without_a_tree_keeps_its_bytes() -> None:
    """Every decision and score names the version of its pack: a new release must not give a pack another one."""
    document = json.loads(check_folder(TINY).valid_pack().canonical_bytes())

    keys = {key for each in (*document["departments"], *document["catalogue"]["rows"]) for key in each}
    assert keys.isdisjoint({"parent", "unit", "enforcement"})
    assert "hand_on" not in document


def test_terms_of_handing_on_are_read_and_checked(tmp_path: Path) -> None:
    folder = copy_pack(TINY, tmp_path)
    append_line(folder, "terms.toml", "[hand_on]\nshare = 1\nconfirmed = false")

    assert [str(each) for each in check_folder(folder).mistakes] == [
        "terms.toml: hand_on: share: Input should be less than 1, not 1"
    ]


def _unit(
    id_: str, parent: str | None = None, *, enforcement: bool | None = None, channel: str = "bureau"
) -> Department:
    names = Names(zh=id_, en=id_)
    return Department.model_validate(
        {"id": id_, "names": names, "kind": "x", "parent": parent, "enforcement": enforcement, "channel": channel}
    )


TREE = UnitTree.of(
    (
        _unit("bureau", channel="kafka"),
        _unit("brigade", "bureau"),
        _unit("squad", "brigade", enforcement=True),
        _unit("other-squad", "bureau", enforcement=True),
        _unit("cleaners", "bureau", enforcement=False),
        _unit("other-bureau", channel="http"),
        _unit("free-cleaners", enforcement=False, channel="kafka"),
    )
)


def test_unit_works_by_the_topics_of_the_nearest_unit_that_has_some() -> None:
    assert [TREE.bureau_of(each) for each in ("squad", "brigade", "bureau", "other-bureau", "gone")] == [
        "bureau", "bureau", "bureau", "other-bureau", "gone",
    ]  # fmt: skip


def test_order_is_handed_on_downwards_and_by_a_contractor_without_rights_to_officers() -> None:
    assert TREE.targets_of("bureau") == ("brigade", "squad", "other-squad", "cleaners")
    assert TREE.targets_of("brigade") == ("squad",)
    assert TREE.targets_of("cleaners") == ("squad", "other-squad"), "no brigade: nobody says that it has officers"
    assert TREE.targets_of("squad") == TREE.targets_of("free-cleaners") == ()


def test_each_unit_knows_those_above_and_below_it() -> None:
    assert TREE.above["squad"] == ("brigade", "bureau"), "the nearest first"
    assert TREE.below["brigade"] == ("squad",)
    assert TREE.above["other-bureau"] == TREE.below["other-bureau"] == ()
