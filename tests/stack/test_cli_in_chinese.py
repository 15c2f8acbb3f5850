"""Each command of `paidan` says in Chinese, too, what it does."""

import re
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


def halves(text: str) -> tuple[str, str]:
    """Split a text before its last sentences, which are in Chinese."""
    at = re.search(r"(?:^|(?<=[\s.]))[^.]{0,40}?[\u4e00-\u9fff]", text)
    return (text, "") if at is None else (text[: at.start()], text[at.start() :])


def paidan() -> typer.Typer:
    """Return the command with all that there are below it."""
    app = typer.Typer()
    for module in COMMAND_MODULES:
        import_module(f"paidan_deploy.cli.{module}").register(app)
    return app


COMMANDS: Final = {
    name: command for name, command in commands(typer.main.get_command(paidan())).items() if name != "paidan"
}
MAX_WIDTH: Final = 62
"""What a list of commands has room for in 80 columns, so that each summary is one line."""


@pytest.mark.parametrize("name", sorted(COMMANDS))
def test_help_says_in_chinese_what_the_command_does(name: str) -> None:
    summary, *rest = (COMMANDS[name].help or "").split("\n\n")

    [zh] = summary.split("\n")[1:] or [summary.rpartition(". ")[2]]
    width = sum(2 if unicodedata.east_asian_width(character) in "WF" else 1 for character in zh)
    assert missing_in_chinese("", zh) == []
    if name != "paidan keys add":
        assert width <= MAX_WIDTH
        assert not rest or missing_in_chinese(*halves("\n\n".join(rest))) == []


@pytest.mark.parametrize("name", sorted(COMMANDS))
def test_help_of_each_argument_and_option_is_in_both_languages(name: str) -> None:
    help_texts = {each.name: each.help or "" for each in COMMANDS[name].params}

    assert {each: text for each, text in help_texts.items() if not text or missing_in_chinese(*halves(text))} == {}


def test_every_command_is_looked_at() -> None:
    assert {"paidan city check", "paidan resume", "paidan keys add", "paidan vault erase"} <= set(COMMANDS)
