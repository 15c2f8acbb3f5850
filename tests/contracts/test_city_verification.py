"""The terms of verification: what is wrong with them is located; a pack without them stays as small as it was."""

import json
from pathlib import Path

import pytest

from paidan_contracts.city.loader import load_city
from tests.contracts.city_packs import TINY, append_line, copy_pack
from tests.contracts.invalid_packs import InvalidPackCase, diagnostic_for

RULE = '[[verification.trust]]\nid = "{id}"\nnames = {{ zh = "规则", en = "A rule" }}\nverify = true\n'
INVALID = {
    "a duty at a desk": (
        '[verification]\nduties = ["acceptor"]',
        "terms.toml: verification: duties: Acceptor is no patrol: its posts do not work on site",
    ),
    "an unknown source": (
        RULE.format(id="a") + 'sources = ["hotlin"]',
        "terms.toml: verification: trust.0.sources: there is no source 'hotlin' (did you mean hotline?)",
    ),
    "no class": (
        RULE.format(id="a") + 'classes = ["E99*"]',
        "terms.toml: verification: trust.0.classes: 'E99*' matches no class of the catalogue",
    ),
    "everybody": (RULE.format(id="a"), "terms.toml: verification: trust.0: is for every report: name sources,"),
    "a name that is taken": (
        RULE.format(id="source") + "below = 0.5",
        "terms.toml: verification: trust.0.id: is the name of what decides without a rule",
    ),
    "an id twice": (
        (RULE.format(id="a") + "below = 0.5\n") * 2,
        "terms.toml: verification: trust.1.id: duplicate 'a'",
    ),
}


@pytest.mark.parametrize(("lines", "expected"), INVALID.values(), ids=INVALID.keys())
def test_invalid_terms_are_diagnosed(tmp_path: Path, lines: str, expected: str) -> None:
    case = InvalidPackCase(lambda folder: append_line(folder, "terms.toml", lines), expected)

    assert diagnostic_for(case, tmp_path).startswith(expected)


def test_small_pack_has_none(tmp_path: Path) -> None:
    small = load_city(TINY)

    assert "verification" not in json.loads(small.pack.canonical_bytes())
    assert not small.trusts_cameras


def test_reports_name_their_camera_only_where_the_pack_trusts_single_ones(tmp_path: Path) -> None:
    folder = copy_pack(TINY, tmp_path)
    append_line(folder, "terms.toml", RULE.format(id="a") + 'cameras = ["gate"]')

    assert load_city(folder).trusts_cameras
