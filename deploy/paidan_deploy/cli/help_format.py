"""The format of Typer's help: titles in both languages, and nothing cut off.

Rich cuts a text that a column has no room for at "…" unless the text says that it folds. Chinese has no blanks between
words, so a sentence of it is one long word and was cut. Typer has no setting for it.
"""

import functools
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from typer import rich_utils
from typer.core import TyperCommand, TyperGroup

if TYPE_CHECKING:
    from rich.markdown import Markdown
    from rich.text import Text


def set_help_format() -> None:
    """Set the titles of Typer's help, and make its texts fold where a column is narrow."""
    rich_utils.ARGUMENTS_PANEL_TITLE = "Arguments 参数"
    rich_utils.OPTIONS_PANEL_TITLE = "Options 选项"
    rich_utils.COMMANDS_PANEL_TITLE = "Commands 命令"
    rich_utils.ERRORS_PANEL_TITLE = "Error 错误"
    rich_utils.REQUIRED_LONG_STRING = "[required 必填]"
    rich_utils.DEFAULT_STRING = "[default 默认: {}]"
    rich_utils.RICH_HELP = "[blue]'{command_path} {help_option}'[/] shows the help. 显示帮助。"
    rich_utils._make_rich_text = _folding(rich_utils._make_rich_text)  # noqa: SLF001 - see above
    for kind in (TyperCommand, TyperGroup):
        kind.get_help_option = _bilingual(kind.get_help_option)  # type: ignore[method-assign]


def _folding(make_text: Callable[..., "Markdown | Text"]) -> Callable[..., "Markdown | Text"]:
    @functools.wraps(make_text)
    def make_folding_text(**kwargs: object) -> "Markdown | Text":
        text = make_text(**kwargs)
        text.overflow = "fold"  # type: ignore[union-attr]
        return text

    return make_folding_text


def _bilingual(get_help_option: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(get_help_option)
    def get_bilingual_help_option(*args: object) -> Any:  # noqa: ANN401 - typer has a click of its own
        option = get_help_option(*args)
        if option is not None:
            option.help = "Show this message and exit. 显示本帮助并退出。"
        return option

    return get_bilingual_help_option
