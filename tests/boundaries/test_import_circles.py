"""No module and no package of a member lies on an import circle: each can be read before whatever imports it.

A package here is what lies directly in a member: a package with all its modules, or a single module.
"""

import sys
from collections import defaultdict
from collections.abc import Mapping
from functools import cache
from graphlib import CycleError, TopologicalSorter
from pathlib import Path
from typing import Final

import grimp
import pytest

from tests.boundaries.test_member_dependencies import MEMBERS, manifest

PACKAGE_DEPTH: Final = 2

ImportGraph = Mapping[str, set[str]]
"""The modules or packages that each one imports."""


@cache
def module_graph(*packages: str) -> ImportGraph:
    """Return what each module of these packages imports, inside functions and for type checking, too."""
    graph = grimp.build_graph(*packages, cache_dir=None)
    return {module: graph.find_modules_directly_imported_by(module) for module in graph.modules}


def package_graph(modules: ImportGraph) -> ImportGraph:
    """Return what each package imports from other packages."""
    packages: dict[str, set[str]] = defaultdict(set)
    for module, imported in modules.items():
        packages[_package_of(module)] |= {_package_of(each) for each in imported} - {_package_of(module)}
    return packages


def _package_of(module: str) -> str:
    return ".".join(module.split(".")[:PACKAGE_DEPTH])


def find_circle(graph: ImportGraph) -> list[str]:
    """Return a circle with its first member repeated at its end, or nothing where there is none."""
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        circle: list[str] = error.args[1]
        return circle[::-1]
    return []


def members_modules() -> ImportGraph:
    """Return the import graph of all members."""
    return module_graph(*(manifest(member)[0] for member in MEMBERS))


def test_no_module_lies_on_an_import_circle() -> None:
    circle = find_circle(members_modules())

    assert not circle, " -> ".join(circle)


def test_no_package_lies_on_an_import_circle() -> None:
    circle = find_circle(package_graph(members_modules()))

    assert not circle, " -> ".join(circle)


def test_circle_of_modules_is_detected(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The guard detects a planted circle through an import inside a function."""
    modules = _planted_modules(
        tmp_path,
        monkeypatch,
        {
            "one/top.py": "from planted_one.one import low\n",
            "one/low.py": "def late():\n    import planted_one.one.top\n",
        },
    )

    circle = find_circle(modules)

    assert set(circle) == {"planted_one.one.top", "planted_one.one.low"}
    assert circle[0] == circle[-1]


def test_circle_of_packages_is_detected(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The guard detects a circle of two packages whose modules lie on none."""
    modules = _planted_modules(
        tmp_path,
        monkeypatch,
        {
            "one/a.py": "from planted_two.two import b\n",
            "two/b.py": "",
            "two/c.py": "from planted_two.one import d\n",
            "one/d.py": "",
        },
        package="planted_two",
    )

    assert find_circle(modules) == []
    assert set(find_circle(package_graph(modules))) == {"planted_two.one", "planted_two.two"}


def _planted_modules(
    folder: Path, monkeypatch: pytest.MonkeyPatch, files: Mapping[str, str], *, package: str = "planted_one"
) -> ImportGraph:
    for name, text in files.items():
        path = folder / package / name
        path.parent.mkdir(parents=True, exist_ok=True)
        for package_folder in (folder / package, path.parent):
            (package_folder / "__init__.py").touch()
        path.write_text(text)
    monkeypatch.setattr(sys, "path", [str(folder), *sys.path])
    return module_graph(package)
