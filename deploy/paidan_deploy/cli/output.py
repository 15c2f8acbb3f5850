"""Consoles of commands, and their tables and error messages."""

import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import wraps
from typing import Final, ParamSpec, TextIO, TypeVar

import typer
from rich.cells import cell_len
from rich.console import Console, ConsoleOptions, ConsoleRenderable, RenderableType, RenderHook
from rich.control import Control
from rich.markup import escape
from rich.segment import Segment
from rich.table import Table
from rich.text import Text

from paidan_deploy.errors import DeployError

P = ParamSpec("P")
T = TypeVar("T")

UNLIMITED_WIDTH: Final = 1_000_000
"""Output that a program reads is neither wrapped nor cut."""
_MIN_COLUMN_WIDTH: Final = 5
_COLUMN_GAP: Final = 2
_LAYOUT: Final = frozenset("\n\t\u3000\u00a0")


class _VisibleText:
    """What is printed, with characters escaped that would act on a terminal or hide: other people wrote the text."""

    def __init__(self, renderable: RenderableType) -> None:
        self._renderable = renderable

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> Iterator[Segment]:
        for segment in console.render(self._renderable, options):
            yield segment if segment.control else segment._replace(text=escape_invisible(segment.text))


class EscapeInvisible(RenderHook):
    """Escapes whatever a console prints; see ``escape_invisible``."""

    def process_renderables(self, renderables: list[ConsoleRenderable]) -> list[ConsoleRenderable]:
        return [each if isinstance(each, Control) else _VisibleText(each) for each in renderables]


def _console(stream: TextIO, *, stderr: bool = False) -> Console:
    made = Console(stderr=stderr, width=None if stream.isatty() else UNLIMITED_WIDTH)
    made.push_render_hook(EscapeInvisible())
    return made


def escape_invisible(text: str) -> str:
    """Return a text in which control, direction and zero-width characters stand as ``\\u001b``, as JSON has them."""
    return text if text.isprintable() else "".join(map(_visible, text))


def _visible(character: str) -> str:
    if character.isprintable() or character in _LAYOUT:
        return character
    # A lone surrogate comes from a header that is not UTF-8; beyond the first plane JSON has two of them.
    units = character.encode("utf-16-be", errors="surrogatepass").hex()
    return "".join(f"\\u{units[at : at + 4]}" for at in range(0, len(units), 4))


console = _console(sys.stdout)
error_console = _console(sys.stderr, stderr=True)


@contextmanager
def show_status(first: str) -> Iterator[Callable[[str], None]]:
    """Show what is being done, which the body reports: beside a spinner, or without a terminal as a line for each step.

    A text that differs in its numbers alone is the same step.
    """
    if console.is_terminal:
        with console.status(first) as status:
            yield lambda text: status.update(escape(text))
        return
    shown = ""

    def print_step(text: str) -> None:
        nonlocal shown
        step = "".join(each for each in text if not each.isdigit())
        if step and step != shown:
            shown = step
            console.print(f"{escape(text)} …", highlight=False)

    print_step(first)
    yield print_step


def table(headers: Sequence[str], rows: Sequence[Sequence[str]], *, unwrapped: Sequence[str] = ()) -> Table:
    """Build a table in which nothing is cut off: cells fold where the terminal is narrow.

    ``unwrapped`` names columns to keep on one line as far as the width allows, most important first: those are copied.
    """
    widths = {title: max(map(_width, [title, *(row[at] for row in rows)])) for at, title in enumerate(headers)}
    unwrapped_headers = _unwrapped_columns(widths, unwrapped)
    result = Table(box=None, pad_edge=False)
    for title in headers:
        result.add_column(title, overflow="fold", width=widths[title] if title in unwrapped_headers else None)
    for row in rows:
        result.add_row(*map(Text, row))
    return result


def _width(text: str) -> int:
    return max(map(cell_len, text.split("\n")))


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
            print_error(str(error))
            raise typer.Exit(1) from error

    return run


def print_error(message: str) -> None:
    """Print why a command failed."""
    error_console.print(f"[red]paidan:[/red] {escape(message)}", highlight=False)
