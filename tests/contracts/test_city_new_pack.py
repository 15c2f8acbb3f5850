"""A pack made from another one has ids of its own and differs in nothing else."""

from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from paidan_contracts.city import Pack
from paidan_contracts.city.compare import compare_packs
from paidan_deploy.citypacks.check import check_folder
from paidan_deploy.citypacks.new_pack import create_pack
from paidan_deploy.cli import city
from paidan_deploy.errors import DeployError
from tests.contracts.city_packs import LOSANGELES, QUANCHENG, TINY, copy_pack, edit_file


@pytest.mark.parametrize("pack", [QUANCHENG, LOSANGELES, TINY], ids=lambda each: str(each.name))
def test_new_pack_shares_no_id_with_its_origin(pack: Path, tmp_path: Path) -> None:
    """Department ids name topics, and source ids make report ids: publishing would refuse them."""
    original = check_folder(pack).valid_pack()

    made = create_pack("mine", pack, tmp_path / "mine")

    assert made.id == "mine"
    own, others = _ids(made), _ids(original)
    assert own.isdisjoint(others)
    assert own == {f"mine-{each}" for each in others}
    renamed = made.model_dump_json().replace('"mine-', '"').replace('"mine"', f'"{original.id}"')
    assert renamed == original.model_dump_json()


def _ids(pack: Pack) -> set[str]:
    return {each.id for each in pack.departments} | {each.id for each in pack.sources}


def test_comments_and_layout_of_the_files_are_kept(tmp_path: Path) -> None:
    create_pack("mine", QUANCHENG, tmp_path / "mine")

    old, new = ((each / "routing.toml").read_text(encoding="utf-8") for each in (QUANCHENG, tmp_path / "mine"))
    assert new.replace('"mine-', '"') == old


@pytest.mark.parametrize("name", ["My City", "", "a-b", "x" * 31, "济南", "../up"])
def test_invalid_city_id_is_refused_before_anything_is_written(name: str, tmp_path: Path) -> None:
    with pytest.raises(DeployError, match="is no city id"):
        create_pack(name, TINY, tmp_path / "mine")

    assert list(tmp_path.iterdir()) == []


def test_folder_that_exists_is_left_alone(tmp_path: Path) -> None:
    with pytest.raises(DeployError, match="exists already"):
        create_pack("mine", TINY, tmp_path)


def test_differences_are_listed_by_entry(tmp_path: Path) -> None:
    folder = copy_pack(TINY, tmp_path)
    edit_file(folder, "terms.toml", 'accept = "15 urgent_minute"', 'accept = "20 urgent_minute"')
    edit_file(folder, "departments.csv", "lighting,,,http", "lamps,,,http")
    edit_file(folder, "rows.csv", "2 urgent_hour", "3 urgent_hour")
    old, new = check_folder(TINY).valid_pack(), check_folder(folder).valid_pack()

    assert list(compare_packs(old, old)) == []
    assert {str(each) for each in compare_packs(old, new)} == {
        "~ clocks.accept: 15 urgent_minute -> 20 urgent_minute",
        "~ departments lamps.kind: lighting -> lamps",
        "~ catalogue.rows E0401-1.limit: 2 urgent_hour -> 3 urgent_hour",
    }


def test_added_and_removed_entries_are_listed(tmp_path: Path) -> None:
    made = create_pack("mine", TINY, tmp_path / "mine")

    lines = [str(each) for each in compare_packs(check_folder(TINY).valid_pack(), made)]

    assert {"- departments lamps", "+ departments mine-lamps", "~ id: tiny -> mine"} <= set(lines)


def test_command_tells_what_comes_next(tmp_path: Path) -> None:
    paidan = typer.Typer()
    city.register(paidan)

    made = CliRunner().invoke(paidan, ["city", "new", "mine", "--from", str(TINY), "--to", str(tmp_path / "mine")])
    same = CliRunner().invoke(paidan, ["city", "diff", str(TINY), str(TINY)])
    other = CliRunner().invoke(paidan, ["city", "diff", str(TINY), str(tmp_path / "mine")])

    assert made.exit_code == 0, made.output
    assert f"paidan city publish {tmp_path / 'mine'}" in made.output
    assert (same.exit_code, same.output) == (0, "")
    assert other.exit_code == 1
    assert "+ departments mine-streets" in other.output
