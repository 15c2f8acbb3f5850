"""Set-up chooses the most suitable Python, and prints which and why."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from paidan_deploy.setup.interpreters import NEWEST_WITH_WHEELS, Interpreter, candidates, choose

ROOT = Path(__file__).parents[2]


def python(name: str, minor: int, task_ms: float) -> Interpreter:
    return Interpreter(
        name=name, path=f"/{name}", version=(3, minor, 0), compiler="", task_ms=task_ms, ensurepip=f"/lib/{name}"
    )


def test_the_first_found_is_taken_unless_another_is_clearly_faster() -> None:
    """Two measurements of one interpreter differ by some per cent: that must not rebuild an environment."""
    first, hardly, clearly = python("first", 11, 4.0), python("hardly", 13, 3.5), python("clearly", 11, 2.8)

    assert choose([first, hardly])[0] is first
    assert choose([first, hardly, clearly]) == (
        clearly,
        "1.4 times as fast as first (3.11.0, 4.0 ms) / 速度是它的 1.4 倍",
    )
    assert choose([clearly, first])[0] is clearly


def test_a_python_without_wheels_is_the_last_resort() -> None:
    too_new, known = python("new", NEWEST_WITH_WHEELS[1] + 1, 1.0), python("known", 11, 4.0)

    assert choose([too_new, known])[0] is known
    assert choose([too_new]) == (too_new, "the only one that is suitable / 唯一适用的")


def test_an_interpreter_with_several_names_is_probed_once(tmp_path: Path) -> None:
    (other := tmp_path / "another-name").symlink_to(sys.executable)

    found = list(candidates([sys.executable, str(other), "no-such-python", "true"]))

    assert [each.name for each in found] == [sys.executable]
    assert found[0].version == sys.version_info[:3]


@pytest.mark.parametrize("given", ["/bin/false", "no such python"])
def test_a_named_python_that_does_not_run_is_an_error_without_effect(given: str) -> None:
    """A named Python must not be replaced silently."""
    before = (ROOT / ".venv" / "pyvenv.cfg").read_bytes()

    ended = subprocess.run(
        [ROOT / "deploy" / "set-up.sh", "run"],
        env=os.environ | {"PAIDAN_PYTHON": given},
        capture_output=True,
        text=True,
        check=False,
    )

    assert (ended.returncode, ended.stdout) == (1, "")
    assert ended.stderr == (
        f"PAIDAN_PYTHON is {given}, which is no Python 3.11 or later that runs here."
        f" / PAIDAN_PYTHON 为 {given}，不是此处可运行的 Python 3.11 或更高版本。\n"
    )
    assert (ROOT / ".venv" / "pyvenv.cfg").read_bytes() == before


def test_an_environment_of_the_named_python_is_kept() -> None:
    result = subprocess.run(
        [ROOT / "deploy" / "set-up.sh", "check"], env=os.environ | {"PAIDAN_PYTHON": sys.executable}, check=False
    )

    assert result.returncode == 0
