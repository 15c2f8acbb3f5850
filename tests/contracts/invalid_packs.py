"""How tests plant a mistake in a copy of a pack, and how the check must name it."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from paidan_deploy.citypacks.check import check_folder
from tests.contracts.city_packs import TINY, add, copied, edit

Spoil = Callable[[Path], None]


class Planted(NamedTuple):
    """A mistake, and how the check must name it."""

    spoil: Spoil
    said: str
    pack: Path = TINY


def replaced(name: str, old: str, new: str) -> Spoil:
    return lambda folder: edit(folder, name, old, new)


def added(name: str, line: str) -> Spoil:
    return lambda folder: add(folder, name, line)


def removed(name: str) -> Spoil:
    return lambda folder: (folder / name).unlink()


def without(name: str, *beginnings: str) -> Spoil:
    def spoil(folder: Path) -> None:
        lines = (folder / name).read_text().splitlines()
        kept = [line for line in lines if not line.startswith(beginnings)]
        assert len(kept) < len(lines)
        (folder / name).write_text("\n".join(kept) + "\n")

    return spoil


def moved_west(name: str, code: str) -> Spoil:
    def spoil(folder: Path) -> None:
        drawn = json.loads((folder / name).read_text(encoding="utf-8"))
        feature = next(each for each in drawn["features"] if each["properties"]["code"] == code)
        rings = feature["geometry"]["coordinates"]
        feature["geometry"]["coordinates"] = [[[x - 0.005, y] for x, y in ring] for ring in rings]
        (folder / name).write_text(json.dumps(drawn), encoding="utf-8")

    return spoil


def not_utf8(name: str) -> Spoil:
    def spoil(folder: Path) -> None:
        (folder / name).write_bytes("id,名\n".encode("gb18030"))

    return spoil


def rule(text: str) -> Spoil:
    return added("routing.toml", "\n[[rules]]\n" + text)


def said_of(planted: Planted, scratch: Path) -> str:
    """Plant a mistake and give the line that names it as it should; without one, all that was said instead."""
    folder = copied(planted.pack, scratch)
    planted.spoil(folder)
    said = [str(mistake) for mistake in check_folder(folder).mistakes]
    named = [line for line in said if line.startswith(planted.said)]
    return named[0] if named else "\n".join(said) or "no mistake was found"
