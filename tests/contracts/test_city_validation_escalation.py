"""Errors in the escalation ladder are located by file, line, entry and field."""

from pathlib import Path

import pytest

from paidan_contracts.city.loader import load_city
from tests.contracts.city_packs import TINY, copy_pack
from tests.contracts.invalid_packs import InvalidPackCase, diagnostic_for

LEVEL = '[[levels]]\nid = "leader"\nnames = { zh = "领导", en = "Leader" }\n'
STEP = '[[steps]]\nid = "late"\nnames = { zh = "超时", en = "Late" }\nclock = "handle"\n'
INVALID = {
    "an unknown level": (LEVEL + STEP + 'levels = ["laeder"]', "4: late: levels: there is no level 'laeder'"),
    "an unknown post": (LEVEL + 'posts = ["mayor"]', "1: leader: posts: there is no post 'mayor'"),
    "an unknown source": (STEP + 'sources = ["nobody"]', "1: late: sources: there is no source 'nobody'"),
    "an unknown class": (STEP + 'classes = ["E09*"]', "1: late: classes: 'E09*' matches no class of the catalogue"),
    "an unknown place": (STEP + 'places = ["1"]', "1: late: places: there is no district, street or community '1'"),
    "two levels of one id": (LEVEL + LEVEL, "4: leader: id: duplicate 'leader'"),
    "two steps of one id": (STEP + STEP, "5: late: id: duplicate 'late'"),
    "an urging that nobody gets": (
        STEP.replace("handle", "inspect"),
        "1: late: levels: no department answers for the clock inspect, so nobody can be urged: name a level",
    ),
    "two times": (
        STEP + 'share = 0.9\nafter = "1 working_day"',
        "1: late: after: stands beside share: a step has one time",
    ),
    "a share before the warning": (
        STEP + "share = 0.5",
        "1: late: share: lies before the warning (clocks.warn_at), from which on the ladder is looked at",
    ),
    "an unknown clock": (STEP.replace("handle", "nap"), "1: late: clock:"),
}


@pytest.mark.parametrize("name", INVALID)
def test_invalid_ladder_is_reported_where_it_is_wrong(name: str, tmp_path: Path) -> None:
    text, expected = INVALID[name]
    invalid = InvalidPackCase(lambda folder: write_ladder(folder, text), f"escalation.toml:{expected}")

    assert diagnostic_for(invalid, tmp_path).startswith(invalid.expected)


def write_ladder(folder: Path, text: str) -> None:
    (folder / "escalation.toml").write_text(text)


def test_valid_ladder_is_loaded_and_a_pack_without_one_keeps_its_version(tmp_path: Path) -> None:
    plain = load_city(TINY)
    folder = copy_pack(TINY, tmp_path)
    (folder / "escalation.toml").write_text(LEVEL + STEP + 'after = "1 working_day"\nlevels = ["leader"]')

    ladder = load_city(folder).pack.escalation

    assert ladder is not None
    assert [each.id for each in ladder.levels] == ["leader"]
    assert (ladder.steps[0].after and ladder.steps[0].after.amount) == 1
    assert "escalation" not in plain.pack.canonical_bytes().decode()
