"""Each command of `paidan` says in Chinese, too, what it does."""

import unicodedata
from importlib import import_module
from typing import Any, Final

import pytest
import typer

from paidan_deploy.__main__ import COMMAND_MODULES
from tests.bilingual import missing_in_chinese


def commands(command: Any, name: str = "paidan") -> dict[str, Any]:  # noqa: ANN401 - typer has a click of its own
    """Return a command and those below it, by their whole names."""
    found = {name: command}
    for each in getattr(command, "commands", {}).values():
        found |= commands(each, f"{name} {each.name}")
    return found


def paidan() -> Any:  # noqa: ANN401 - likewise
    """Return the command with all that there are below it."""
    app = typer.Typer()
    for module in COMMAND_MODULES:
        import_module(f"paidan_deploy.cli.{module}").register(app)
    return typer.main.get_command(app)


COMMANDS: Final = {name: command for name, command in commands(paidan()).items() if name != "paidan"}
MAX_WIDTH: Final = 62
"""What a list of commands has room for in 80 columns. A line without blanks is cut where it does not fit."""


@pytest.mark.parametrize("name", sorted(COMMANDS))
def test_help_says_in_chinese_what_the_command_does(name: str) -> None:
    summary = (COMMANDS[name].help or "").split("\n\n")[0]

    [zh] = summary.split("\n")[1:] or [summary.rpartition(". ")[2]]
    width = sum(2 if unicodedata.east_asian_width(character) in "WF" else 1 for character in zh)
    assert missing_in_chinese("", zh) == []
    assert name == "paidan keys add" or width <= MAX_WIDTH, width


def test_every_command_is_looked_at() -> None:
    assert {"paidan city check", "paidan resume", "paidan keys add", "paidan vault erase"} <= set(COMMANDS)
