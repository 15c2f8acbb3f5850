"""Validation of a pack: all errors in one run, and the command that prints them."""

from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from paidan_contracts.city import InvalidPack, load_city
from paidan_deploy.citypacks.check import check_folder
from paidan_deploy.cli import city
from tests.contracts.city_packs import LOSANGELES, QUANCHENG, TINY, append_line, copy_pack, edit_file


@pytest.fixture
def app() -> typer.Typer:
    paidan = typer.Typer()
    city.register(paidan)
    return paidan


@pytest.mark.parametrize("pack", [TINY, QUANCHENG, LOSANGELES], ids=lambda pack: pack.name)
def test_shipped_packs_are_valid(pack: Path) -> None:
    assert [str(diagnostic) for diagnostic in check_folder(pack).mistakes] == []


def test_all_errors_are_found_in_one_run(tmp_path: Path) -> None:
    """An invalid entry must neither hide the errors of others nor cause new ones."""
    folder = copy_pack(TINY, tmp_path)
    edit_file(folder, "departments.csv", "lighting,,,http", "lighting,,,pigeon")
    edit_file(folder, "rows.csv", "2 urgent_hour", "-2 urgent_hour")
    edit_file(folder, "routing.toml", 'lead = "streets"', 'lead = "sweepers"')
    append_line(folder, "departments.csv", "west,西,West,cleaning,990109,,http")
    append_line(folder, "classes.csv", "E0406,占道经营,Trading on the road,街面秩序,Street order")

    diagnostics = [str(diagnostic) for diagnostic in check_folder(folder).mistakes]

    assert diagnostics == [
        "classes.csv:5: E0406: code: class E0406 has no row in rows.csv: no case of it can be filed",
        "departments.csv:3: lamps: channel: Input should be 'kafka', 'http' or 'bureau', not 'pigeon'",
        "departments.csv:4: west: district: there is no district '990109'",
        "routing.toml:7: rubbish: lead: there is no department 'sweepers'",
        "rows.csv:3: E0401-1: limit.amount: Input should be greater than 0, not '-2'",
    ]


def test_invalid_city_is_not_loaded(tmp_path: Path) -> None:
    folder = copy_pack(TINY, tmp_path)
    edit_file(folder, "routing.toml", 'lead = "streets"', 'lead = "sweepers"')

    with pytest.raises(InvalidPack, match="there is no department 'sweepers'"):
        load_city(folder)


def test_check_of_an_invalid_pack_exits_with_1_and_locates_the_error(app: typer.Typer, tmp_path: Path) -> None:
    folder = copy_pack(TINY, tmp_path)
    edit_file(folder, "routing.toml", 'lead = "streets"', 'lead = "sweepers"')

    ended = CliRunner().invoke(app, ["city", "check", str(folder)])

    assert ended.exit_code == 1
    assert "routing.toml:7: rubbish: lead: there is no department 'sweepers'\n    没有部门 'sweepers'" in ended.output


def test_check_of_a_valid_pack_exits_with_0_and_summarizes_it(app: typer.Typer) -> None:
    ended = CliRunner().invoke(app, ["city", "check", str(TINY)])

    assert ended.exit_code == 0
    assert "2 departments" in ended.output
