"""Edits that make a copy of a pack invalid, and the diagnostics that validation must return for it."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from paidan_deploy.citypacks.check import check_folder
from tests.bilingual import missing_in_chinese
from tests.contracts.city_packs import TINY, append_line, copy_pack, edit_file

Mutate = Callable[[Path], None]


class InvalidPackCase(NamedTuple):
    """An edit of a pack, and the beginning of the expected diagnostic."""

    mutate: Mutate
    expected: str
    pack: Path = TINY


def replace_text(name: str, old: str, new: str) -> Mutate:
    return lambda folder: edit_file(folder, name, old, new)


def add_line(name: str, line: str) -> Mutate:
    return lambda folder: append_line(folder, name, line)


def remove_file(name: str) -> Mutate:
    return lambda folder: (folder / name).unlink()


def remove_lines(name: str, *beginnings: str) -> Mutate:
    def mutate(folder: Path) -> None:
        lines = (folder / name).read_text().splitlines()
        remaining = [line for line in lines if not line.startswith(beginnings)]
        assert len(remaining) < len(lines)
        (folder / name).write_text("\n".join(remaining) + "\n")

    return mutate


def shift_shape_west(name: str, code: str) -> Mutate:
    def mutate(folder: Path) -> None:
        collection = json.loads((folder / name).read_text(encoding="utf-8"))
        feature = next(each for each in collection["features"] if each["properties"]["code"] == code)
        rings = feature["geometry"]["coordinates"]
        feature["geometry"]["coordinates"] = [[[x - 0.005, y] for x, y in ring] for ring in rings]
        (folder / name).write_text(json.dumps(collection), encoding="utf-8")

    return mutate


def write_gb18030(name: str) -> Mutate:
    def mutate(folder: Path) -> None:
        (folder / name).write_bytes("id,名\n".encode("gb18030"))

    return mutate


def add_rule(text: str) -> Mutate:
    return add_line("routing.toml", "\n[[rules]]\n" + text)


def diagnostic_for(invalid: InvalidPackCase, target: Path) -> str:
    """Edit a copy of the pack and return the expected diagnostic; where it is missing, all diagnostics.

    Each is as full in Chinese as it is in English.
    """
    folder = copy_pack(invalid.pack, target)
    invalid.mutate(folder)
    checked = check_folder(folder)
    for each in (*checked.mistakes, *checked.warnings):
        assert missing_in_chinese(each.problem, each.problem_zh) == [], each
    diagnostics = [str(diagnostic) for diagnostic in checked.mistakes]
    matching = [line for line in diagnostics if line.startswith(invalid.expected)]
    return matching[0] if matching else "\n".join(diagnostics) or "no diagnostic"
