"""The `paidan` command, before any group of commands is added to it."""

import inspect
from collections.abc import Callable
from typing import TypeVar

import typer

from paidan_deploy.cli.help_format import set_help_format
from paidan_deploy.cli.usage_errors import set_usage_error_format

_Command = TypeVar("_Command", bound=Callable[..., object])

set_help_format()
set_usage_error_format()

app = typer.Typer(
    name="paidan",
    help="Paidan (派单): receive reports, dispatch cases to departments, and score how departments handle them."
    " 接收上报，向部门派案，并为部门的处置评分。",
    no_args_is_help=True,
    pretty_exceptions_show_locals=False,
    rich_markup_mode="rich",
)


@app.callback()
def _keep_subcommand_names() -> None:
    """Keep command names required where only one is registered: typer drops the name of a lone command."""


def example_epilog(line: str) -> str:
    """Return the epilog that shows a command in use."""
    return f"[dim]Example 示例:[/dim]  {line}"


def also_in_chinese(summary_zh: str, *details_zh: str) -> Callable[[_Command], _Command]:
    """Make a command's help say in Chinese, too, what its first sentence says, and at its end what the others say."""

    def add(command: _Command) -> _Command:
        summary, *rest = inspect.cleandoc(command.__doc__ or "").split("\n\n")
        # Typer keeps the source's line breaks in all paragraphs but the first, and wraps each line by itself.
        details = (" ".join(each.split()) for each in rest)
        command.__doc__ = "\n\n".join([f"{summary}\n{summary_zh}", *details, *details_zh])
        return command

    return add
