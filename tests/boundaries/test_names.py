"""Names that a reader can rely on: one class name for one thing, nouns for modules, plain verbs in docstrings."""

import ast
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Final

from tests.boundaries.test_member_dependencies import MEMBERS, ROOT

ROLE_NAMES: Final = frozenset({"Resources", "Settings", "PackCache"})
"""Defined once in each service, for the same role there."""
NOUNS_IN_ING: Final = frozenset({"filing", "importing", "matching", "provisioning", "routing", "screening"})
"""Established terms of the trade."""
VAGUE_VERBS: Final = frozenset({"Give", "Hear", "Lend", "Say", "Tell"})
"""First words that do not say what a caller gets."""


@cache
def parse(path: Path) -> ast.Module:
    """Return the syntax tree of a module."""
    return ast.parse(path.read_text(encoding="utf-8"))


def modules_under(root: Path, folders: Iterable[str]) -> Iterator[Path]:
    """Yield every module under the folders."""
    for folder in folders:
        yield from sorted((root / folder).rglob("*.py"))


def class_locations(root: Path) -> Mapping[str, list[str]]:
    """Return, for each public class name, the member of each of its definitions."""
    locations: dict[str, list[str]] = defaultdict(list)
    for member in MEMBERS:
        for path in modules_under(root, [member]):
            for node in ast.walk(parse(path)):
                if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                    locations[node.name].append(member)
    return locations


def ambiguous_classes(root: Path) -> dict[str, list[str]]:
    """Return the class names that are defined more than once, or more than once in a service for a role's name."""
    return {
        name: members
        for name, members in class_locations(root).items()
        if len(members) > (len(set(members)) if name in ROLE_NAMES else 1)
    }


def modules_in_ing(root: Path) -> list[str]:
    """Return the modules and packages whose names end in -ing, established terms and members' own names aside."""
    names = {
        part.removesuffix(".py")
        for member in MEMBERS
        for path in modules_under(root, [member])
        for part in path.relative_to(root / member).parts[1:]
    }
    return sorted(name for name in names - NOUNS_IN_ING if name.endswith("ing"))


def vague_docstrings(root: Path) -> list[str]:
    """Return the functions and classes of members and tests whose docstring begins with a vague verb."""
    documented = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
    return [
        f"{path.relative_to(root)}:{node.lineno} {node.name}"
        for path in modules_under(root, [*MEMBERS, "tests"])
        for node in ast.walk(parse(path))
        if isinstance(node, documented) and _first_word(node) in VAGUE_VERBS
    ]


def _first_word(node: ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef) -> str:
    words = (ast.get_docstring(node) or "").split()
    return words[0].rstrip(":,.") if words else ""


def test_class_name_is_defined_once() -> None:
    ambiguous = ambiguous_classes(ROOT)

    assert not ambiguous, "\n".join(f"{name}: {members}" for name, members in sorted(ambiguous.items()))


def test_module_is_named_by_a_noun() -> None:
    modules = modules_in_ing(ROOT)

    assert not modules, "\n".join(modules)


def test_docstring_begins_with_what_is_done_for_the_caller() -> None:
    vague = vague_docstrings(ROOT)

    assert not vague, "\n".join(vague)


def test_repeated_class_is_detected(tmp_path: Path) -> None:
    """The guard detects a planted breach; a role's name is allowed in several members, but once in each."""
    for member, names in (
        ("services/intake", ["Record", "Record", "Settings"]),
        ("services/dispatch", ["Settings", "_Private", "_Private"]),
        ("services/scoring", ["Resources", "Resources"]),
    ):
        _write(tmp_path / member / "planted.py", "".join(f"class {name}:\n    pass\n" for name in names))

    assert ambiguous_classes(tmp_path) == {"Record": ["services/intake"] * 2, "Resources": ["services/scoring"] * 2}


def test_module_in_ing_is_detected(tmp_path: Path) -> None:
    """The guard detects a planted breach in the names of modules and of packages."""
    for path in ("services/scoring/paidan_scoring/taking.py", "deploy/paidan_deploy/telling/routing.py"):
        _write(tmp_path / path, "")

    assert modules_in_ing(tmp_path) == ["taking", "telling"]


def test_vague_docstring_is_detected(tmp_path: Path) -> None:
    """The guard detects a planted breach in a member and in a test's helper."""
    for path in ("contracts/planted.py", "tests/planted.py"):
        _write(tmp_path / path, 'class Speaker:\n    def say(self):\n        """Say: it."""\n')

    assert vague_docstrings(tmp_path) == ["contracts/planted.py:2 say", "tests/planted.py:2 say"]


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
