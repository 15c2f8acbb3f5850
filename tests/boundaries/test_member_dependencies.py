"""Each member stands on what its own pyproject.toml names, and on nothing else."""

import ast
import subprocess
import sys
import tomllib
from collections.abc import Iterator, Mapping
from importlib import metadata
from pathlib import Path
from typing import Final

import pytest
from packaging.requirements import Requirement

pytestmark = pytest.mark.takes(seconds=15)

ROOT: Final = Path(__file__).parents[2]
MEMBERS: Final = tuple(tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["paidan"]["members"])
# Not imported by name, yet needed: each says why.
ALLOWED_UNIMPORTED: Final = {
    "tzdata",  # zoneinfo reads it where the system has no time zones
    "fastapi-offline",  # its files are served, none of its code is run
    "httptools",  # uvicorn picks it up
    "lz4",  # aiokafka[lz4]
    "python-multipart",  # FastAPI reads forms with it
}
# Compiled modules refuse to be loaded twice in one process; each member gets a process of its own.
IMPORT_ALL_PROGRAM: Final = """
import importlib, pkgutil, sys
sys.path[:] = [path for path in sys.path if "site-packages" not in path] + sys.argv[2:]
package = importlib.import_module(sys.argv[1])
for module in pkgutil.walk_packages(package.__path__, package.__name__ + "."):
    if not module.name.endswith("__main__"):
        importlib.import_module(module.name)
"""


def manifest(member: str) -> tuple[str, list[Requirement]]:
    """Read a member's import name and what it says it needs."""
    project = tomllib.loads((ROOT / member / "pyproject.toml").read_text())["project"]
    return project["name"].replace("-", "_"), [Requirement(line) for line in project["dependencies"]]


def dependency_closure(requirements: list[Requirement]) -> set[str]:
    """Name every distribution that comes along when these are installed."""
    found: set[str] = set()
    waiting = [(each, "") for each in requirements]
    asked = set()
    while waiting:
        requirement, for_extra = waiting.pop()
        if requirement.marker is not None and not requirement.marker.evaluate({"extra": for_extra}):
            continue
        name = requirement.name.lower().replace("_", "-")
        found.add(name)
        for extra in ("", *requirement.extras):
            if (name, extra) not in asked:
                asked.add((name, extra))
                waiting += [(Requirement(line), extra) for line in metadata.requires(name) or []]
    return found


def install(names: set[str], folder: Path) -> None:
    """Lay out a folder that holds these distributions and no others."""
    for name in names:
        files = metadata.files(name) or []
        for top in {file.parts[0] for file in files if ".." not in file.parts}:
            source = Path(str(metadata.distribution(name).locate_file(top)))
            if source.exists() and not (folder / top).exists():
                (folder / top).symlink_to(source)


def member_packages(names: set[str]) -> list[str]:
    return [str(ROOT / member) for member in MEMBERS if manifest(member)[0].replace("_", "-") in names]


@pytest.mark.parametrize("member", MEMBERS)
def test_each_member_imports_with_only_its_declared_dependencies(member: str, tmp_path: Path) -> None:
    name, requirements = manifest(member)
    needed = dependency_closure(requirements)
    install(needed, tmp_path)

    done = subprocess.run(
        [
            sys.executable,
            "-I",
            "-c",
            IMPORT_ALL_PROGRAM,
            name,
            str(ROOT / member),
            str(tmp_path),
            *member_packages(needed),
        ],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )

    assert done.returncode == 0, done.stderr[-2000:]


@pytest.mark.parametrize("member", MEMBERS)
def test_each_member_declares_exactly_what_it_imports(member: str) -> None:
    name, requirements = manifest(member)
    named = {each.name.lower().replace("_", "-") for each in requirements}
    imported = set(distributions_of(set(imports_of(ROOT / member / name)) - {name}))

    assert imported - named == set(), f"{member} imports these without naming them"
    assert named - imported - ALLOWED_UNIMPORTED == set(), f"{member} names these without importing them"


def imports_of(package: Path) -> Iterator[str]:
    """Name the top of everything that a package's files import."""
    for file in package.rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.Import):
                yield from (alias.name.partition(".")[0] for alias in node.names)
            elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module is not None:
                yield node.module.partition(".")[0]


def distributions_of(modules: set[str]) -> Iterator[str]:
    provided: Mapping[str, list[str]] = metadata.packages_distributions()
    for module in modules - sys.stdlib_module_names:
        yield provided.get(module, [module.replace("_", "-")])[0].lower().replace("_", "-")


def test_undeclared_import_is_detected(tmp_path: Path) -> None:
    """The guard itself, seen red."""
    (tmp_path / "planted.py").write_text("def late():\n    import asyncpg.pool\n")

    assert set(distributions_of(set(imports_of(tmp_path)))) == {"asyncpg"}


def test_undeclared_package_cannot_be_imported(tmp_path: Path) -> None:
    """The guard itself, seen red."""
    planted = tmp_path / "planted"
    planted.mkdir()
    (planted / "__init__.py").write_text("import asyncpg\n")

    done = subprocess.run(
        [sys.executable, "-I", "-c", IMPORT_ALL_PROGRAM, "planted", str(tmp_path)],
        capture_output=True,
        text=True,
        check=False,
    )

    assert "No module named 'asyncpg'" in done.stderr


def test_imports_of_the_suite_are_pinned() -> None:
    """What happens to be installed here is missing on a clean machine."""
    pinned = {
        line.partition("==")[0].lower().replace("_", "-")
        for name in ("dev", "postgres")
        for line in (ROOT / "deploy" / "requirements" / f"{name}.txt").read_text().splitlines()
        if "==" in line and line[0].isalnum()
    }
    ours = {manifest(member)[0] for member in MEMBERS} | {"tests"}

    assert set(distributions_of(set(imports_of(ROOT / "tests")) - ours)) - pinned == set()
