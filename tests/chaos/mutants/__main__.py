"""Plants each bug in a copy of the source and runs the tests that must catch it.

`python -m tests.chaos.mutants [WORD]...`; the tests and the services they start run the copy, and the checkout is
never touched.
"""

import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from tests.chaos.mutants.mutations import BUGS, Bug

ROOT: Final = Path(__file__).parents[3]
MEMBERS: Final = ("contracts", "services/chassis", "services/intake", "services/dispatch", "services/scoring", "deploy")


def plant(bug: Bug, into: Path) -> dict[str, str]:
    """Copy the source with the bug in it, and give the environment in which Python finds the copy first."""
    for member in MEMBERS:
        shutil.copytree(ROOT / member, into / member, ignore=shutil.ignore_patterns("__pycache__"))
    for change in bug.changes:
        file = into / change.file
        text = file.read_text()
        assert text.count(change.old) == 1, f"{change.old!r} stands {text.count(change.old)} times in {change.file}"
        file.write_text(text.replace(change.old, change.new))
    return os.environ | {"PYTHONPATH": os.pathsep.join(str(into / member) for member in MEMBERS)}


def caught_by(bug: Bug) -> Iterator[str]:
    """Run the tests that must see it, and name those that fail and why."""
    with tempfile.TemporaryDirectory() as folder:
        environment = plant(bug, Path(folder))
        done = subprocess.run(
            [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *bug.tests],
            cwd=ROOT, env=environment, capture_output=True, text=True, check=False,
        )  # fmt: skip
    yield from re.findall(r"^(?:FAILED|ERROR) (\S+.*)$", done.stdout, re.MULTILINE)
    yield from re.findall(r"^E +(?:AssertionError|assert).*$", done.stdout, re.MULTILINE)[:3]


def main(words: list[str]) -> int:
    """Plant all bugs, or those whose names hold a word; 1 when one of them passes unseen."""
    unseen = 0
    for bug in BUGS:
        if all(word in bug.name for word in words):
            found = list(caught_by(bug))
            unseen += not found
            sys.stdout.write(f"{bug.name}: {'caught' if found else 'NOT CAUGHT'}\n")
            sys.stdout.writelines(f"    {line[:300]}\n" for line in found)
            sys.stdout.flush()
    return 1 if unseen else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
