"""A new city's pack is made where one is, and not among the packs that the next start publishes."""

import io
from pathlib import Path

import pytest

from paidan_deploy.cli import output
from paidan_deploy.cli.city import new_command
from tests.contracts.city_packs import QUANCHENG


def test_a_new_pack_is_made_where_one_is_and_its_folder_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    printed = io.StringIO()
    monkeypatch.setattr(output.console, "_file", printed)
    monkeypatch.chdir(tmp_path)

    new_command("mycity", QUANCHENG, None)

    assert (tmp_path / "mycity" / "city.toml").exists()
    assert not (QUANCHENG.parent / "mycity").exists()
    assert str(tmp_path / "mycity") in printed.getvalue().splitlines()[0]
