"""Every text that a command shows has an English and a Chinese half.

Found in the source: words in a string literal of the deployment need Chinese ones in the same call, tuple or statement.
Logs, docstrings, SQL and programs' own words are not shown by commands.
"""

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

_ROOT: Final = Path(__file__).parents[2] / "deploy/paidan_deploy"
_WORDS: Final = re.compile(r"[A-Za-z]{2,},? [a-z]{2,}")
_CHINESE: Final = re.compile(r"[\u4e00-\u9fff]")
_SQL: Final = re.compile(r"\s*(SELECT|INSERT|UPDATE|DELETE|GRANT|ALTER|CREATE|LOCK|SET|REVOKE|DROP|WITH|DO|REASSIGN)\b")
_NOT_SHOWN: Final = {
    "debug", "info", "warning", "error", "exception",  # logs
    "AssertionError", "TypeError", "ValueError", "CallRefused",  # bugs, and the demonstration's own clients
    "execute", "Field", "example_epilog",  # SQL, documentation of settings, command lines
}  # fmt: skip
_ALLOWED: Final = {
    ("importing/later_export.py", "stated so by a later export"),  # the reason of an action, which its id covers
    ("importing/import_requests.py", "recorded as "),
    ("provisioning/acls.py", " --resource-pattern-type prefixed"),
    ("servers/kafka.py", "Address already in use"),
    ("servers/postgres.py", r"postmaster\.pid.* already exists|pre-existing shared memory block|could not bind"),
    ("cli/import_records.py", "paidan import"),
    ("cli/usage_errors.py", "Value error, "),  # what pydantic and typer say, to be told apart
    ("cli/usage_errors.py", "(Invalid value(?: for (.+?))?): (.+)"),
    ("cli/demo.py", "scores --city {city} --period {period} --by district"),
    ("cli/demo.py", "dead-letters list"),
    ("cli/demo.py", "import FILE --city losangeles --mapping myla311"),
}


def texts_without_chinese(source: str) -> Iterator[tuple[int, str]]:
    """Yield the literals with English words and no Chinese ones beside them."""
    tree = ast.parse(source)
    names = set(re.findall(r"\w+_zh\b", source, re.IGNORECASE))
    parents = {child: node for node in ast.walk(tree) for child in ast.iter_child_nodes(node)}
    for node in ast.walk(tree):
        if not (isinstance(node, ast.Constant) and isinstance(node.value, str) and _WORDS.search(node.value)):
            continue
        if _SQL.match(node.value) or isinstance(parents[node], ast.Expr):
            continue
        around = list(_around(node, parents))
        if any(map(_is_not_shown, around)) or _has_chinese_twin(around[-1], parents, names):
            continue
        # Each branch of a conditional expression is a text of its own.
        branch = next((each for each in around if isinstance(parents[each], ast.IfExp)), around[-1])
        if not _CHINESE.search(ast.unparse(branch)):
            yield node.lineno, node.value


def _around(node: ast.AST, parents: dict[ast.AST, ast.AST]) -> Iterator[ast.AST]:
    """Yield what holds a literal, up to the call, the tuple or the statement in which its Chinese half must stand."""
    while not isinstance(node, ast.Module | ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        yield node
        if isinstance(node, ast.Call | ast.Tuple | ast.stmt):
            return
        node = parents[node]


def _is_not_shown(node: ast.AST) -> bool:
    match node:
        case ast.Call(func=ast.Name(id=name) | ast.Attribute(attr=name)):
            return name in _NOT_SHOWN
        case ast.keyword(arg=name):
            return name == "style"
        case _:
            return False


def _has_chinese_twin(node: ast.AST, parents: dict[ast.AST, ast.AST], names: set[str]) -> bool:
    """Return whether `x` is assigned, or returned by the function `x`, and there is an `x_zh` too."""
    while not isinstance(node, ast.stmt):
        node = parents[node]
    match node, parents[node]:
        case ast.Assign(targets=[ast.Name(id=name)]) | ast.AnnAssign(target=ast.Name(id=name)), _:
            return f"{name}_zh" in names or f"{name}_ZH" in names
        case ast.Return(), ast.FunctionDef(name=name):
            return f"{name}_zh" in names
        case _:
            return False


def test_every_text_of_a_command_has_both_halves() -> None:
    found = {
        (file.relative_to(_ROOT).as_posix(), line): text
        for file in sorted(_ROOT.rglob("*.py"))
        for line, text in texts_without_chinese(file.read_text())
    }

    assert {at: text for at, text in found.items() if (at[0], text) not in _ALLOWED} == {}


@pytest.mark.parametrize(
    "source",
    [
        'console.print(f"{count} photos were removed")',
        'console.print("nothing was found" if not found else "已删除")',
        '_HINT = "run it again: nothing is counted twice"',
        'help_ = typer.Option(help="Print them in order.")',
    ],
)
def test_text_in_english_alone_is_found(source: str) -> None:
    assert list(texts_without_chinese(source))


@pytest.mark.parametrize(
    "source",
    ['console.print("Stopped it now. / 已停止。")', 'log.info("it is ready now")', 'a, a_zh = "not so fast", "太快"'],
)
def test_text_in_both_and_text_of_a_log_are_let_through(source: str) -> None:
    assert not list(texts_without_chinese(source))
