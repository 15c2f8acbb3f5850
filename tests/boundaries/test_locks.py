"""Whatever is downloaded is locked with a checksum, and no lock names an address: a mirror serves as well."""

import json
import re
import tomllib
from pathlib import Path
from typing import Final

import pytest

from paidan_deploy.jars.lock import lock_file
from paidan_deploy.jars.lock_update import ROOT_ARTIFACTS

ROOT: Final = Path(__file__).parents[2]
PINS: Final = sorted((ROOT / "deploy" / "requirements").glob("*.txt"))
JARS: Final = [lock_file(name) for name in ROOT_ARTIFACTS]
NPM: Final = ROOT / "tests" / "npm" / "package-lock.json"


@pytest.mark.parametrize("lock", [*PINS, *JARS, NPM], ids=lambda lock: lock.name)
def test_a_lock_names_no_address(lock: Path) -> None:
    assert "://" not in lock.read_text()


@pytest.mark.parametrize("lock", PINS, ids=lambda lock: lock.name)
def test_each_python_package_has_checksums(lock: Path) -> None:
    packages = re.split(r"^(?=[a-z0-9])", lock.read_text(), flags=re.MULTILINE)[1:]

    assert packages
    assert [package for package in packages if "--hash=sha256:" not in package] == []


@pytest.mark.parametrize("lock", JARS, ids=lambda lock: lock.name)
def test_each_jar_has_a_checksum(lock: Path) -> None:
    jars = tomllib.loads(lock.read_text())["dependencies"]

    assert jars
    assert [jar["artifactId"] for jar in jars if not re.fullmatch("[0-9a-f]{64}", jar["sha256"])] == []


def test_each_npm_package_has_a_checksum() -> None:
    packages = json.loads(NPM.read_text())["packages"]
    packages.pop("")

    assert packages
    assert [name for name, package in packages.items() if not package.get("integrity", "").startswith("sha512-")] == []
