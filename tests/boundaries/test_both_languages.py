"""What people read is as full in Chinese as in English: every text of the code that is written in both.

Found in the source, so that a new text is compared too: calls that take both, names `x` and `x_zh` assigned side by
side, and tuples of both.
"""

import ast
import re
from collections.abc import Iterator, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Final, NamedTuple

import pytest

from tests.bilingual import missing_in_chinese

_ROOT: Final = Path(__file__).parents[2]
_FOLDERS: Final = ("contracts/paidan_contracts", "services", "deploy/paidan_deploy")
# The position of the English text among the arguments; the Chinese one follows.
_CALLS: Final = {
    "Bilingual": 0, "LocalizedValueError": 0, "InvalidShape": 0, "InvalidCondition": 0, "not_found": 0, "forbidden": 0,
    "Violation": 1, "record_file_violation": 1, "record_violation": 1, "invalid": 1, "Mistake": 1,
    "Problem": 2, "Diagnostic": 4,
}  # fmt: skip


class Pair(NamedTuple):
    """An English text, the Chinese one if there is any, and where they stand."""

    place: str
    en: ast.expr
    zh: ast.expr | None


def pairs(source: str, file: str) -> Iterator[Pair]:
    """Yield every text of a module that is written in both languages, or should be."""
    tree = ast.parse(source)
    texts = list(_assigned_texts(tree))
    for node in ast.walk(tree):
        match node:
            case ast.Call():
                yield from _of_call(node, texts, f"{file}:{node.lineno}")
            case ast.Tuple(elts=[*elements]):
                for en, zh in pairwise(elements):
                    if _is_text(en) and _is_text(zh) and not _has_chinese(en) and _has_chinese(zh):
                        yield Pair(f"{file}:{node.lineno}", en, zh)
            case ast.FunctionDef() | ast.AsyncFunctionDef():
                yield from _of_function(node, file)
            case _:
                pass


def _of_call(call: ast.Call, texts: Sequence[tuple[str, ast.expr]], place: str) -> Iterator[Pair]:
    name = call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")
    by_name = {each.arg: each.value for each in call.keywords}
    position = _CALLS.get(name)
    if "message" in by_name:
        en, zh = by_name["message"], by_name.get("message_zh")
    elif position is not None and len(call.args) > position:
        en = call.args[position]
        zh = call.args[position + 1] if len(call.args) > position + 1 else by_name.get("message_zh")
    else:
        return
    if isinstance(en, ast.Name):
        assigned = [text for name, text in texts if name == en.id and text.lineno < call.lineno]
        en = max(assigned, key=lambda text: text.lineno, default=en)
    if isinstance(en, ast.Starred):  # both, written side by side elsewhere
        return
    if _is_text(en) or (zh is not None and _is_text(zh) and isinstance(zh, ast.Constant)):
        yield Pair(place, en, zh)


def _assigned_texts(tree: ast.Module) -> Iterator[tuple[str, ast.expr]]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name) and _is_text(node.value):
            yield node.targets[0].id, node.value


def _of_function(function: ast.FunctionDef | ast.AsyncFunctionDef, file: str) -> Iterator[Pair]:
    assigned: dict[str, list[ast.Assign]] = {}
    for node in ast.walk(function):
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
            assigned.setdefault(node.targets[0].id, []).append(node)
    for name, ens in assigned.items():
        for en, zh in zip(ens, assigned.get(f"{name}_zh", []), strict=False):
            if _is_text(en.value):
                yield Pair(f"{file}:{en.lineno}", en.value, zh.value)


def _is_text(node: ast.expr) -> bool:
    match node:
        case ast.JoinedStr():
            return True
        case ast.Constant(value=value):
            return isinstance(value, str)
        case ast.BinOp(left=left, right=right):
            return _is_text(left) or _is_text(right)
        case ast.IfExp(body=body, orelse=orelse):
            return _is_text(body) or _is_text(orelse)
        case _:
            return False


def _literal(node: ast.expr) -> str:
    return " ".join(
        each.value for each in ast.walk(node) if isinstance(each, ast.Constant) and isinstance(each.value, str)
    )


def _has_chinese(node: ast.expr) -> bool:
    return any("\u4e00" <= character <= "\u9fff" for character in _literal(node))


def _values(node: ast.expr) -> set[str]:
    """Return the names whose values a text shows."""
    shown = [each.value for each in ast.walk(node) if isinstance(each, ast.FormattedValue)]
    called = {id(each.func) for root in shown for each in ast.walk(root) if isinstance(each, ast.Call)}
    names = (
        each.id for root in shown for each in ast.walk(root) if isinstance(each, ast.Name) and id(each) not in called
    )
    return {re.sub("_zh$", "", name, flags=re.IGNORECASE) for name in names}


def shortfalls(pair: Pair) -> list[str]:
    """Return what the Chinese text of a pair does not say."""
    if pair.zh is None:
        return ["there is no Chinese text"]
    if not _is_text(pair.en):
        return [] if ast.unparse(pair.en) == "str(error)" else ["the texts are not written side by side"]
    if not _is_text(pair.zh) or not re.search("[A-Za-z]", _literal(pair.en)):
        return []
    missing = [f"the value of {name}" for name in sorted(_values(pair.en) - _values(pair.zh))]
    return missing + missing_in_chinese(_literal(pair.en), _literal(pair.zh))


def test_chinese_texts_are_as_full_as_the_english_ones() -> None:
    files = [
        file for folder in _FOLDERS for file in sorted((_ROOT / folder).rglob("*.py")) if ".venv" not in file.parts
    ]
    found = [pair for file in files for pair in pairs(file.read_text(), file.relative_to(_ROOT).as_posix())]

    short = {f"{pair.place}: {ast.unparse(pair.en)}": shortfalls(pair) for pair in found}

    assert {place: missing for place, missing in short.items() if missing} == {}
    assert len(found) > 150


@pytest.mark.parametrize(
    ("source", "missing"),
    [
        ('Problem(413, "x", f"at most {limit} bytes", "不得超过上限字节")', "the value of limit"),
        ('invalid("x", "at most 3")', "there is no Chinese text"),
        ('Refusal(code="x", message="at most 3 of them", message_zh="数量过多")', "3"),
        ('Bilingual("a long text about what has to be done next", "须做")', "fewer than 5"),
        ('_A = {"x": (422, "it has more than 40 bytes", "过大的内容")}', "40"),
    ],
)
def test_shorter_text_is_found(source: str, missing: str) -> None:
    [pair] = pairs(source, "x.py")

    assert any(missing in each for each in shortfalls(pair)), shortfalls(pair)


def test_errors_of_commands_are_in_both_languages() -> None:
    """Such an error is one text, English first: what an exception says in its own words stands in it once."""
    short: dict[str, list[str]] = {}
    for file in sorted((_ROOT / "deploy/paidan_deploy").rglob("*.py")):
        for call in ast.walk(ast.parse(file.read_text())):
            if isinstance(call, ast.Call) and getattr(call.func, "id", "") in _COMMAND_ERRORS and _is_own(call):
                en, zh = _halves(call.args[0])
                missing = [f"the value of {name}" for name in sorted(_values(en) - _values(zh) - _TOLD_ONCE)]
                missing += missing_in_chinese(_literal(en), _literal(zh))
                short |= {f"{file.name}:{call.lineno}": missing} if missing else {}

    assert short == {}


_COMMAND_ERRORS: Final = {
    "DeployError", "NotUpError", "StillUpError", "AlreadyRunningError", "ClockRefused", "ReleaseNotDrained",
    "UnsupportedPostgresError", "ServerStartError", "DownloadError", "AreaLevelChanged", "IdTaken",
}  # fmt: skip
_TOLD_ONCE: Final = {"error", "result", "reason"}


def _is_own(call: ast.Call) -> bool:
    """Return whether the text is written here; another error's is handed on as it is."""
    return bool(call.args) and isinstance(call.args[0], ast.Constant | ast.JoinedStr)


def _halves(text: ast.expr) -> tuple[ast.JoinedStr, ast.JoinedStr]:
    """Split a text before its Chinese part, which begins after a slash or on a line of its own."""
    en: list[ast.expr] = []
    zh: list[ast.expr] = []
    for part in text.values if isinstance(text, ast.JoinedStr) else [text]:
        pieces = re.split(r" / |\n(?=[^\x00-\x7f])", str(part.value)) if isinstance(part, ast.Constant) else []
        if len(pieces) > 1:
            en, zh = [*en, *zh, ast.Constant(pieces[0])], [ast.Constant(pieces[-1])]
        else:
            (zh or en).append(part)
    return ast.JoinedStr(en), ast.JoinedStr(zh)
