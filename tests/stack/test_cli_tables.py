"""Tables of commands can be copied: nothing is cut off, neither in a narrow terminal nor in a pipe."""

import os
import re
import subprocess
import sys
from typing import Final

import pytest

TITLES: Final = ("I", "A", "R")
ROW: Final = (
    "f9655134-ac00-5b7e-9d6f-0c3a7f1e2d4b",
    "postgresql://postgres@127.0.0.1:45432/paidan?application_name=somebody",
    "text holds [a word] in brackets, and goes on for longer than most terminals are wide, or nearly so",
)
PRINT_PROGRAM: Final = f"""
from paidan_deploy.cli.output import console, table
console.print(table({TITLES}, [{ROW}], unwrapped=("I",)))
"""


def run_in_terminal(program: str, *, columns: int) -> list[str]:
    """Run a program on a terminal of this width, and return its lines without colours."""
    master_fd, slave_fd = os.openpty()
    given = os.environ | {"COLUMNS": str(columns), "LINES": "50", "TERM": "xterm"}
    with subprocess.Popen([sys.executable, "-c", program], stdout=slave_fd, stdin=slave_fd, env=given) as running:
        os.close(slave_fd)
        output = b"".join(iter(lambda: _read(master_fd), b""))
        assert running.wait(timeout=60) == 0
    os.close(master_fd)
    return re.sub(r"\x1b\[[0-9;]*m", "", output.decode()).splitlines()


def _read(terminal: int) -> bytes:
    try:
        return os.read(terminal, 65536)
    except OSError:  # how a terminal signals end of file
        return b""


def rejoin_lines(lines: list[str]) -> list[str]:
    """Return the cells of one folded row, without spaces: those at a fold are not printed."""
    starts = [lines[0].index(title) for title in TITLES]
    columns = [slice(*both) for both in zip(starts, [*starts[1:], None], strict=True)]
    return ["".join("".join(line[column] for line in lines).split()) for column in columns]


def test_output_to_a_pipe_is_not_limited_in_width() -> None:
    program = [sys.executable, "-c", PRINT_PROGRAM]
    narrow = os.environ | {"COLUMNS": "40"}

    output = subprocess.run(program, capture_output=True, text=True, timeout=60, env=narrow, check=True).stdout

    assert output.splitlines()[1].split("  ", 2) == [*ROW]


@pytest.mark.parametrize("columns", [80, 60, 30])
def test_a_narrow_terminal_folds_what_does_not_fit_and_drops_nothing(columns: int) -> None:
    lines = run_in_terminal(PRINT_PROGRAM, columns=columns)

    assert max(map(len, lines)) <= columns
    assert rejoin_lines(lines) == ["".join((title + cell).split()) for title, cell in zip(TITLES, ROW, strict=True)]


def test_an_id_stays_in_one_line_as_long_as_the_terminal_is_wider() -> None:
    assert any(ROW[0] in line for line in run_in_terminal(PRINT_PROGRAM, columns=60))
