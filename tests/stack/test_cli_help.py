"""The help of each command on a terminal of 80 columns: no text is cut off, and no line ends early."""

from typing import Final

import pytest
from typer import rich_utils
from typer.testing import CliRunner

from tests.stack.test_cli_in_chinese import COMMANDS, paidan

COLUMNS: Final = 80


@pytest.fixture
def narrow_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "dumb")
    monkeypatch.setattr(rich_utils, "MAX_WIDTH", COLUMNS)


def shown_help(name: str) -> str:
    result = CliRunner().invoke(paidan(), [*name.split()[1:], "--help"])
    assert result.exit_code == 0, result.output
    return str(result.output)


@pytest.mark.usefixtures("narrow_terminal")
@pytest.mark.parametrize("name", ["paidan", *sorted(COMMANDS)])
def test_help_is_not_cut_off_at_80_columns(name: str) -> None:
    shown = shown_help(name)

    assert "…" not in shown
    assert "显示本帮助并退出" in shown


@pytest.mark.parametrize("name", sorted(COMMANDS))
def test_paragraphs_of_help_have_no_line_breaks_of_the_source(name: str) -> None:
    _, *paragraphs = (COMMANDS[name].help or "").split("\n\n")

    assert [each for each in paragraphs if "\n" in each.strip()] == []
