"""The packs that tests use, and copies of them to edit."""

import shutil
from pathlib import Path
from typing import Final

from paidan_contracts.city import City, load_city

ROOT: Final = Path(__file__).parents[2]
TINY: Final = ROOT / "tests" / "cities" / "tiny"
QUANCHENG: Final = ROOT / "deploy" / "cities" / "quancheng"
LOSANGELES: Final = ROOT / "deploy" / "cities" / "losangeles"


def load_tiny() -> City:
    """Load the tests' own city."""
    return load_city(TINY)


def copy_pack(pack: Path, target: Path) -> Path:
    """Copy a pack, so that it can be edited."""
    folder = target / pack.name
    shutil.copytree(pack, folder)
    return folder


def edit_file(folder: Path, name: str, old: str, new: str) -> None:
    """Replace a text that occurs exactly once in a file."""
    file = folder / name
    text = file.read_text(encoding="utf-8")
    assert text.count(old) == 1, f"{old!r} occurs {text.count(old)} times in {name}"
    file.write_text(text.replace(old, new), encoding="utf-8")


def append_line(folder: Path, name: str, line: str) -> None:
    """Append a line to a file."""
    with (folder / name).open("a", encoding="utf-8") as file:
        file.write(line + "\n")
