"""Who answers for an area or a class: mistakes are located, the first rule that covers a case holds."""

from pathlib import Path

import pytest

from paidan_contracts.city import load_city
from paidan_deploy.citypacks.check import check_folder
from tests.contracts.city_packs import TINY, append_line, copy_pack
from tests.contracts.invalid_packs import InvalidPackCase, Mutate, diagnostic_for

HEADER = "id,names.zh,names.en,classes[],places[],leader,office,unit"
LEADER = "id,names.zh,names.en,duty,classes[],places[],department\nmayor,市长,Mayor,supervisor,,,"


def answerable(*lines: str) -> Mutate:
    """Return an edit that gives a pack these rules, and a leader's post."""

    def mutate(folder: Path) -> None:
        append_line(folder, "posts.csv", LEADER)
        append_line(folder, "answerable.csv", "\n".join([HEADER, *lines]))

    return mutate


INVALID = {
    "nobody": ("a,甲,A,E01*,,,,", "a: leader: names neither leader, office nor unit"),
    "an unknown post": ("a,甲,A,E01*,,major,,", "a: leader: there is no post 'major'"),
    "an unknown office": ("a,甲,A,E01*,,mayor,offices,", "a: office: there is no department 'offices'"),
    "an unknown unit": ("a,甲,A,E01*,,mayor,,units", "a: unit: there is no department 'units'"),
    "an unknown class": ("a,甲,A,C99*,,mayor,,", "a: classes: 'C99*' matches no class of the catalogue"),
    "an unknown place": ("a,甲,A,,990199,mayor,,", "a: places: there is no place '990199'"),
}


@pytest.mark.parametrize(("line", "expected"), INVALID.values(), ids=INVALID.keys())
def test_invalid_rule_is_diagnosed(tmp_path: Path, line: str, expected: str) -> None:
    planted = InvalidPackCase(answerable(line), f"answerable.csv:2: {expected}")

    assert diagnostic_for(planted, tmp_path).startswith(planted.expected)


def test_first_rule_that_covers_class_and_place_holds(tmp_path: Path) -> None:
    folder = copy_pack(TINY, tmp_path)
    answerable("west,西,West,E01*,990101,mayor,,", "rubbish,垃圾,Rubbish,E01*,,,streets,", "all,全,All,,,,,lamps")(
        folder
    )
    city = load_city(folder)

    def found(class_code: str | None, *codes: str) -> str | None:
        rule = city.answerable_for(class_code, codes)
        return rule.id if rule else None

    assert found("E0110", "990101", "990101001") == "west"
    assert found("E0110", "990102") == found("E0110") == "rubbish"
    assert found("C0137", "990101") == found(None) == "all"


def test_pack_without_such_rules_keeps_its_bytes_and_names_nobody() -> None:
    assert b"answerable" not in check_folder(TINY).valid_pack().canonical_bytes()
    assert load_city(TINY).answerable_for("E0110", ["990101"]) is None
