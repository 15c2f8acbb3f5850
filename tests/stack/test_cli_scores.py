"""The table of scores shows each rate's fraction, however narrow the terminal."""

import csv
import io
from typing import Any, Final

import pytest
from rich.console import Console

from paidan_deploy.cli.scores import scores_table, write_csv

RATES: Final = {
    "handling": (1203, 1311),
    "on_time": (7, 1203),
    "closing": (1190, 1311),
    "rework": (0, 0),
    "satisfaction": (58, 66),
}


def build_rate(numerator: int, denominator: int) -> dict[str, Any]:
    value = numerator / denominator if denominator else None
    return {"numerator": numerator, "denominator": denominator, "value": value}


def build_row(name: str, cases: int, times: int) -> dict[str, Any]:
    rates = {
        each: build_rate(numerator * times, denominator * times) for each, (numerator, denominator) in RATES.items()
    }
    return {"key": name, "names": {"zh": name}, "counts": {"cases": cases}, "rates": rates}


SCOREBOARD: Final = {
    "rows": [build_row("匡山区城市管理局", 1311, 1), build_row("交警支队", 31, 3)],
    "total": build_row("", 1342, 4),
}


def print_table(width: int) -> list[str]:
    console = Console(file=io.StringIO(), width=width, color_system=None)
    console.print(scores_table(SCOREBOARD, width=width))
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue().splitlines()


@pytest.mark.parametrize("width", [160, 80])
def test_numerator_and_denominator_are_always_shown(width: int) -> None:
    printed_text = "\n".join(print_table(width))

    made_of = [f"({n * times}/{d * times})" for n, d in RATES.values() for times in (1, 3, 4)]
    assert [each for each in made_of if each not in printed_text] == []
    assert printed_text.count("—") == 3  # a zero denominator gives no rate, neither 0 nor 100 %


@pytest.mark.parametrize("width", [160, 80])
def test_figures_are_aligned(width: int) -> None:
    lines = [line for line in print_table(width) if "(" in line]

    ends = [[at for at, letter in enumerate(line) if letter == ")"] for line in cells_of(lines)]
    assert len(ends) == 3
    assert ends[0] == ends[1] == ends[2]


def test_a_wide_terminal_has_a_line_for_each_department() -> None:
    assert len([line for line in print_table(160) if "%" in line]) == 3
    assert [line for line in print_table(160) if "匡山区城市管理局" in line and "(1203/1311)" in line]


def cells_of(lines: list[str]) -> list[str]:
    """Return the lines with each wide character doubled, so that indices are columns."""
    return ["".join(letter if letter.isascii() or letter == "—" else letter * 2 for letter in line) for line in lines]


def test_an_empty_period_has_the_same_columns(capsys: pytest.CaptureFixture[str]) -> None:
    write_csv(SCOREBOARD)
    write_csv({**SCOREBOARD, "rows": []})

    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 6
    assert lines[4] == lines[0]


def test_csv_has_names_and_the_total_without_a_key(capsys: pytest.CaptureFixture[str]) -> None:
    write_csv(SCOREBOARD)

    rows = list(csv.DictReader(capsys.readouterr().out.splitlines()))
    assert [(row["key"], row["names.zh"], row["cases"]) for row in rows] == [
        ("匡山区城市管理局", "匡山区城市管理局", "1311"),
        ("交警支队", "交警支队", "31"),
        ("", "合计", "1342"),
    ]
    assert rows[2]["names.en"] == "Total"
    assert (rows[2]["on_time.numerator"], rows[2]["rework.value"]) == ("28", "")
