"""The `paidan` command, before any group of commands is added to it."""

import inspect
from collections.abc import Callable
from typing import TypeVar

import typer
from typer import rich_utils

_Command = TypeVar("_Command", bound=Callable[..., object])

rich_utils.ARGUMENTS_PANEL_TITLE = "Arguments 参数"
rich_utils.OPTIONS_PANEL_TITLE = "Options 选项"
rich_utils.COMMANDS_PANEL_TITLE = "Commands 命令"
rich_utils.ERRORS_PANEL_TITLE = "Error 错误"
rich_utils.REQUIRED_LONG_STRING = "[required 必填]"
rich_utils.DEFAULT_STRING = "[default 默认: {}]"
rich_utils.RICH_HELP = "[blue]'{command_path} {help_option}'[/] shows the help. 显示帮助。"

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
        command.__doc__ = "\n\n".join([f"{summary}\n{summary_zh}", *rest, *details_zh])
        return command

    return add
