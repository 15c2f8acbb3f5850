"""Each member imports what its own pyproject.toml declares, and nothing else."""

import ast
import subprocess
import sys
import tomllib
from collections.abc import Iterator, Mapping
from importlib import metadata
from itertools import chain
from pathlib import Path
from typing import Final

import pytest
from packaging.requirements import Requirement

pytestmark = pytest.mark.takes(seconds=15)

ROOT: Final = Path(__file__).parents[2]
MEMBERS: Final = tuple(tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["paidan"]["members"])
# Needed without being imported by name.
ALLOWED_UNIMPORTED: Final = {
    "tzdata",  # read by zoneinfo where the system has no time zones
    "fastapi-offline",  # its files are served, its code is not run
    "httptools",  # used by uvicorn if installed
    "lz4",  # aiokafka[lz4]
    "python-multipart",  # used by FastAPI for forms
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
    """Return a member's import name and declared requirements."""
    project = tomllib.loads((ROOT / member / "pyproject.toml").read_text())["project"]
    lines = [*project["dependencies"], *chain.from_iterable(project.get("optional-dependencies", {}).values())]
    return project["name"].replace("-", "_"), [Requirement(line) for line in lines]


def dependency_closure(requirements: list[Requirement]) -> set[str]:
    """Return the name of every distribution that these requirements install."""
    names: set[str] = set()
    waiting = [(each, "") for each in requirements]
    expanded = set()
    while waiting:
        requirement, for_extra = waiting.pop()
        if requirement.marker is not None and not requirement.marker.evaluate({"extra": for_extra}):
            continue
        name = requirement.name.lower().replace("_", "-")
        names.add(name)
        for extra in ("", *requirement.extras):
            if (name, extra) not in expanded:
                expanded.add((name, extra))
                waiting += [(Requirement(line), extra) for line in metadata.requires(name) or []]
    return names


def install(names: set[str], folder: Path) -> None:
    """Fill a folder with links to these distributions only."""
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

    result = subprocess.run(
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

    assert result.returncode == 0, result.stderr[-2000:]


@pytest.mark.parametrize("member", MEMBERS)
def test_each_member_declares_exactly_what_it_imports(member: str) -> None:
    name, requirements = manifest(member)
    declared = {each.name.lower().replace("_", "-") for each in requirements}
    imported = set(distributions_of(set(imports_of(ROOT / member / name)) - {name}))

    assert imported - declared == set(), f"{member} imports these without declaring them"
    assert declared - imported - ALLOWED_UNIMPORTED == set(), f"{member} declares these without importing them"


def imports_of(package: Path) -> Iterator[str]:
    """Yield the top-level name of everything that a package's files import."""
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
    """The guard detects a planted breach."""
    (tmp_path / "planted.py").write_text("def late():\n    import asyncpg.pool\n")

    assert set(distributions_of(set(imports_of(tmp_path)))) == {"asyncpg"}


def test_undeclared_package_cannot_be_imported(tmp_path: Path) -> None:
    """The guard detects a planted breach."""
    planted = tmp_path / "planted"
    planted.mkdir()
    (planted / "__init__.py").write_text("import asyncpg\n")

    result = subprocess.run(
        [sys.executable, "-I", "-c", IMPORT_ALL_PROGRAM, "planted", str(tmp_path)],
        capture_output=True,
        text=True,
        check=False,
    )

    assert "No module named 'asyncpg'" in result.stderr


def test_imports_of_the_suite_are_pinned() -> None:
    """An unpinned import works only where its package happens to be installed."""
    pinned = {
        line.partition("==")[0].lower().replace("_", "-")
        for name in ("dev", "postgres")
        for line in (ROOT / "deploy" / "requirements" / f"{name}.txt").read_text().splitlines()
        if "==" in line and line[0].isalnum()
    }
    ours = {manifest(member)[0] for member in MEMBERS} | {"tests"}

    assert set(distributions_of(set(imports_of(ROOT / "tests")) - ours)) - pinned == set()
