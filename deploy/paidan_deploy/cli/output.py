"""Consoles of commands, and their tables and error messages."""

import sys
from collections.abc import Callable, Mapping, Sequence
from functools import wraps
from typing import Final, ParamSpec, TextIO, TypeVar

import typer
from rich.cells import cell_len
from rich.console import Console
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from paidan_deploy.errors import DeployError

P = ParamSpec("P")
T = TypeVar("T")

UNLIMITED_WIDTH: Final = 1_000_000
"""Output that a program reads is neither wrapped nor cut."""
_MIN_COLUMN_WIDTH: Final = 5
_COLUMN_GAP: Final = 2


def _console(stream: TextIO, *, stderr: bool = False) -> Console:
    return Console(stderr=stderr, width=None if stream.isatty() else UNLIMITED_WIDTH)


console = _console(sys.stdout)
error_console = _console(sys.stderr, stderr=True)


def table(headers: Sequence[str], rows: Sequence[Sequence[str]], *, unwrapped: Sequence[str] = ()) -> Table:
    """Build a table in which nothing is cut off: cells fold where the terminal is narrow.

    ``unwrapped`` names columns to keep on one line as far as the width allows, most important first: those are copied.
    """
    widths = {title: max(map(cell_len, [title, *(row[at] for row in rows)])) for at, title in enumerate(headers)}
    unwrapped_headers = _unwrapped_columns(widths, unwrapped)
    result = Table(box=None, pad_edge=False)
    for title in headers:
        result.add_column(title, overflow="fold", width=widths[title] if title in unwrapped_headers else None)
    for row in rows:
        result.add_row(*map(Text, row))
    return result


def _unwrapped_columns(widths: Mapping[str, int], unwrapped: Sequence[str]) -> set[str]:
    """Choose columns to keep on one line such that every other keeps room to fold: without any it would not show."""
    needed = {title: min(width, _MIN_COLUMN_WIDTH) + _COLUMN_GAP for title, width in widths.items()}
    chosen: set[str] = set()
    for title in unwrapped:
        needed[title] = widths[title] + _COLUMN_GAP
        if sum(needed.values()) > console.width + _COLUMN_GAP:
            break
        chosen.add(title)
    return chosen


def print_errors(command: Callable[P, T]) -> Callable[P, T]:
    """Make a command print a ``DeployError`` as one line and exit with status 1."""

    @wraps(command)
    def run(*args: P.args, **kwargs: P.kwargs) -> T:
        try:
            return command(*args, **kwargs)
        except DeployError as error:
            error_console.print(f"[red]paidan:[/red] {escape(str(error))}", highlight=False)
            raise typer.Exit(1) from error

    return run
