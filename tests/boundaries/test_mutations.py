"""Every mutation applies to the present source, and the tests that must detect it exist."""

import ast
from pathlib import Path

import pytest

from tests.boundaries.test_member_dependencies import ROOT
from tests.chaos.mutants.mutations import MUTATIONS, Mutation


def occurrences(mutation: Mutation, root: Path) -> dict[str, int]:
    """Return how often each text to be replaced occurs in its file."""
    return {each.old: (root / each.file).read_text().count(each.old) for each in mutation.replacements}


def missing_tests(mutation: Mutation, root: Path) -> list[str]:
    """Return the tests of a mutation whose file or function does not exist."""
    missing = []
    for test in mutation.tests:
        file, _, function = test.partition("::")
        defined = _functions_in(root / file)
        if not defined or (function and function not in defined):
            missing.append(test)
    return missing


def _functions_in(file: Path) -> set[str]:
    if not file.exists():
        return set()
    functions = (ast.FunctionDef, ast.AsyncFunctionDef)
    return {node.name for node in ast.parse(file.read_text()).body if isinstance(node, functions)}


@pytest.mark.parametrize("mutation", MUTATIONS, ids=lambda each: each.name)
def test_each_replaced_text_occurs_once(mutation: Mutation) -> None:
    assert set(occurrences(mutation, ROOT).values()) == {1}, occurrences(mutation, ROOT)


@pytest.mark.parametrize("mutation", MUTATIONS, ids=lambda each: each.name)
def test_tests_named_by_a_mutation_exist(mutation: Mutation) -> None:
    assert missing_tests(mutation, ROOT) == []


def test_missing_test_is_detected() -> None:
    """The guard detects a planted breach."""
    planted = Mutation("planted", (), ("tests/boundaries/test_mutations.py::test_no_such", "tests/no_such.py"))

    assert missing_tests(planted, ROOT) == list(planted.tests)
