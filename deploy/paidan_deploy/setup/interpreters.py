"""Chooses the Python for the virtual environment by how fast each candidate runs. Standard library only.

Set-up runs it by its path, before anything is installed: `python -I interpreters.py [--take NAME] NAME...` prints the
chosen one and, where that lacks ensurepip, the folder of another's; the reason goes to standard error. With `--take`
the choice is made, and the other names only serve to find an ensurepip.
"""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from time import process_time
from typing import Any, Final, Self

OLDEST: Final = (3, 11)
# Up to here every pinned package has wheels; a later Python would need compilers, so it is the last resort.
NEWEST_WITH_WHEELS: Final = (3, 14)
# Profile-guided optimisation brings 3.11 to 0.7 of its time in this task; without it 3.11 to 3.13 differ by a fifth.
CLEARLY_FASTER: Final = 0.8
_ROUNDS: Final = 15
_STEPS: Final = 10_000
_PROBE_TIMEOUT_S: Final = 20


@dataclass(frozen=True, slots=True)
class Interpreter:
    """A Python that can create a virtual environment, though perhaps only with another's ensurepip."""

    name: str
    path: str
    version: tuple[int, int, int]
    compiler: str
    task_ms: float
    ensurepip: str | None

    @classmethod
    def probe(cls, name: str) -> Self | None:
        """Run the interpreter of this name to inspect it; None when it does not run, is too old or has no venv."""
        argv = [name, "-I", str(Path(__file__)), "--probe"]
        try:
            output = subprocess.run(argv, capture_output=True, text=True, timeout=_PROBE_TIMEOUT_S, check=True).stdout
            found: dict[str, Any] = json.loads(output)
        except (OSError, ValueError, subprocess.SubprocessError):
            return None
        version = (found.pop("major"), found.pop("minor"), found.pop("micro"))
        return cls(name=name, version=version, **found) if found.pop("venv") and version[:2] >= OLDEST else None

    @property
    def shown(self) -> str:
        """The name, version and speed in a few words."""
        return f"{self.name} ({'.'.join(map(str, self.version))}, {self.task_ms:.1f} ms)"


def candidates(names: Iterable[str]) -> Iterator[Interpreter]:
    """Probe each interpreter once, under the first name that leads to it."""
    seen: set[str] = set()
    for name in names:
        if shutil.which(name) and (found := Interpreter.probe(name)) and found.path not in seen:
            seen.add(found.path)
            yield found


def choose(found: Sequence[Interpreter]) -> tuple[Interpreter, str]:
    """Return the first in order unless another is clearly faster, and the reason in words."""
    usable = [each for each in found if each.version[:2] <= NEWEST_WITH_WHEELS] or list(found)
    first = usable[0]
    fastest = min(usable, key=lambda each: each.task_ms)
    if fastest.task_ms < first.task_ms * CLEARLY_FASTER:
        ratio = first.task_ms / fastest.task_ms
        return fastest, f"{ratio:.1f} times as fast as {first.shown} / 速度是它的 {ratio:.1f} 倍"
    if len(usable) == 1:
        return first, "the only one that is suitable / 唯一适用的"
    others = ", ".join(each.shown for each in usable[1:])
    return first, f"the first found, and none of {others} is clearly faster / 最先找到，其余并不明显更快"


def task_ms() -> float:
    """Return the least CPU time of a small fixed task: calls, attributes, dicts and strings, as in our own code."""
    least = float("inf")
    for _ in range(_ROUNDS):
        began = process_time()
        _task()
        least = min(least, process_time() - began)
    return least * 1000


class _Pair:
    __slots__ = ("left", "right")

    def __init__(self, left: int, right: int) -> None:
        self.left = left
        self.right = right

    def total(self) -> int:
        return self.left + self.right


def _task() -> None:
    counted: dict[str, int] = {}
    for number in range(_STEPS):
        pair = _Pair(number, 1)
        name = f"{number & 255}-name"
        counted[name] = pair.total() + len(counted)
        if isinstance(pair, _Pair) and name.startswith("1"):
            counted.pop(name, None)
    sorted(counted.items(), key=lambda each: each[1])


def _probe() -> None:
    # Inside a virtual environment, its base interpreter: the environment may be the one to be replaced.
    path = getattr(sys, "_base_executable", None) or sys.executable
    ensurepip = find_spec("ensurepip")
    major, minor, micro = sys.version_info[:3]
    found = {
        "path": os.path.realpath(path),
        "major": major,
        "minor": minor,
        "micro": micro,
        "compiler": sys.version.rpartition("[")[2].rstrip("]"),
        "venv": find_spec("venv") is not None,
        "ensurepip": None if ensurepip is None or ensurepip.origin is None else str(Path(ensurepip.origin).parent),
        "task_ms": task_ms(),
    }
    sys.stdout.write(json.dumps(found))


def main(argv: Sequence[str]) -> int:
    """Print the chosen interpreter and, where it has none of its own, the folder of an ensurepip."""
    chosen_name = argv[1] if argv[:1] == ["--take"] else None
    found = list(candidates(argv[1:] if chosen_name else argv))
    if chosen_name and (not found or found[0].name != chosen_name):
        sys.stderr.write(
            f"PAIDAN_PYTHON is {chosen_name}, which has no venv module. / {chosen_name} 没有 venv 模块。\n"
        )
        return 1
    ensurepip_folders = [each.ensurepip for each in found if each.ensurepip]
    if not ensurepip_folders:
        sys.stderr.write(
            "No Python 3.11 or later with its venv and ensurepip modules was found"
            " / 没有找到带有 venv 和 ensurepip 模块的 Python 3.11 或更高版本 (Debian: apt install python3-venv).\n"
        )
        return 1
    chosen, why = (found[0], "PAIDAN_PYTHON names it / 由 PAIDAN_PYTHON 指定") if chosen_name else choose(found)
    sys.stderr.write(f"Chose 选用 {chosen.shown}: {why}\n")
    sys.stdout.write(f"{chosen.name}\n{'' if chosen.ensurepip else ensurepip_folders[0]}\n")
    return 0


if __name__ == "__main__":
    if sys.argv[1:] == ["--probe"]:
        _probe()
    else:
        sys.exit(main(sys.argv[1:]))
