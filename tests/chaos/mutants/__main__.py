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

from tests.chaos.mutants.mutations import MUTATIONS, Mutation

ROOT: Final = Path(__file__).parents[3]
MEMBER_FOLDERS: Final = (
    "contracts",
    "services/chassis",
    "services/intake",
    "services/dispatch",
    "services/scoring",
    "deploy",
)


def apply_mutation(mutation: Mutation, target: Path) -> dict[str, str]:
    """Copy the source with the bug in it, and give the environment in which Python finds the copy first."""
    for member in MEMBER_FOLDERS:
        shutil.copytree(ROOT / member, target / member, ignore=shutil.ignore_patterns("__pycache__"))
    for change in mutation.replacements:
        file = target / change.file
        text = file.read_text()
        assert text.count(change.old) == 1, f"{change.old!r} stands {text.count(change.old)} times in {change.file}"
        file.write_text(text.replace(change.old, change.new))
    return os.environ | {"PYTHONPATH": os.pathsep.join(str(target / member) for member in MEMBER_FOLDERS)}


def failures_of(mutation: Mutation) -> Iterator[str]:
    """Run the tests that must see it, and name those that fail and why."""
    with tempfile.TemporaryDirectory() as folder:
        environment = apply_mutation(mutation, Path(folder))
        result = subprocess.run(
            [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *mutation.tests],
            cwd=ROOT, env=environment, capture_output=True, text=True, check=False,
        )  # fmt: skip
    yield from re.findall(r"^(?:FAILED|ERROR) (\S+.*)$", result.stdout, re.MULTILINE)
    yield from re.findall(r"^E +(?:AssertionError|assert).*$", result.stdout, re.MULTILINE)[:3]


def main(words: list[str]) -> int:
    """Plant all bugs, or those whose names hold a word; 1 when one of them passes unseen."""
    undetected = 0
    for mutation in MUTATIONS:
        if all(word in mutation.name for word in words):
            failures = list(failures_of(mutation))
            undetected += not failures
            sys.stdout.write(f"{mutation.name}: {'caught' if failures else 'NOT CAUGHT'}\n")
            sys.stdout.writelines(f"    {line[:300]}\n" for line in failures)
            sys.stdout.flush()
    return 1 if undetected else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
