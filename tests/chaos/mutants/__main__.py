"""Applies each mutation to a copy of the source and runs the tests that must detect it.

`python -m tests.chaos.mutants [WORD]...`; the tests and the services that they start run the copy; the checkout is
never changed.
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
    """Copy the source with the mutation, and return an environment in which Python imports the copy."""
    for member in MEMBER_FOLDERS:
        shutil.copytree(ROOT / member, target / member, ignore=shutil.ignore_patterns("__pycache__"))
    for change in mutation.replacements:
        file = target / change.file
        text = file.read_text()
        assert text.count(change.old) == 1, f"{change.old!r} occurs {text.count(change.old)} times in {change.file}"
        file.write_text(text.replace(change.old, change.new))
    return os.environ | {"PYTHONPATH": os.pathsep.join(str(target / member) for member in MEMBER_FOLDERS)}


def failures_of(mutation: Mutation) -> Iterator[str]:
    """Run the tests that must detect a mutation, and yield those that fail and why."""
    with tempfile.TemporaryDirectory() as folder:
        environment = apply_mutation(mutation, Path(folder))
        result = subprocess.run(
            [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *mutation.tests],
            cwd=ROOT, env=environment, capture_output=True, text=True, check=False,
        )  # fmt: skip
    yield from re.findall(r"^(?:FAILED|ERROR) (\S+.*)$", result.stdout, re.MULTILINE)
    yield from re.findall(r"^E +(?:AssertionError|assert).*$", result.stdout, re.MULTILINE)[:3]


def main(words: list[str]) -> int:
    """Run all mutations, or those whose names contain every word; return 1 when one is not detected."""
    undetected = 0
    for mutation in MUTATIONS:
        if all(word in mutation.name for word in words):
            failures = list(failures_of(mutation))
            undetected += not failures
            sys.stdout.write(f"{mutation.name}: {'detected' if failures else 'NOT DETECTED'}\n")
            sys.stdout.writelines(f"    {line[:300]}\n" for line in failures)
            sys.stdout.flush()
    return 1 if undetected else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
