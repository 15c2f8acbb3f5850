"""The `paidan` command: which groups of commands it has, and how an error looks. No command itself."""

from collections.abc import Callable
from functools import wraps
from typing import ParamSpec, TypeVar

import typer
from rich.console import Console

from paidan_deploy.errors import DeployError

P = ParamSpec("P")
T = TypeVar("T")

app = typer.Typer(
    name="paidan",
    help="Paidan (派单): take in what a city hears and sees, send it to who must act, score who did.",
    no_args_is_help=True,
    pretty_exceptions_show_locals=False,
    rich_markup_mode="rich",
)


@app.callback()
def _group() -> None:
    """Keep the command's name needed where only one is loaded: typer drops it from a lone command."""


out = Console()
err = Console(stderr=True)


def example(line: str) -> str:
    """Give the epilog that shows how a command is used."""
    return f"[dim]Example:[/dim]  {line}"


def said_plainly(command: Callable[P, T]) -> Callable[P, T]:
    """Show an error that needs a person as one line, and end with status 1."""

    @wraps(command)
    def run(*args: P.args, **kwargs: P.kwargs) -> T:
        try:
            return command(*args, **kwargs)
        except DeployError as error:
            err.print(f"[red]paidan:[/red] {error}", highlight=False)
            raise typer.Exit(1) from error

    return run
