"""The detail of every halt is in English and, behind " | ", in Chinese with the same values: operators read it."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final

_ROOT: Final = Path(__file__).parents[2]
_HALTS: Final = frozenset({"Halt", "DeadLetterLimitExceeded"})
_SEPARATOR: Final = " | "
_VALUE: Final = re.compile(r"\{[^}]*\}")
_CHINESE: Final = re.compile("[\u4e00-\u9fff]")


def _details() -> Iterator[tuple[str, str]]:
    for file in sorted((_ROOT / "services").rglob("paidan_*/**/*.py")):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") in _HALTS and len(node.args) > 1:
                detail = node.args[1]
                if isinstance(detail, ast.JoinedStr | ast.Constant):
                    yield f"{file.relative_to(_ROOT)}:{node.lineno}", ast.unparse(detail)


def test_details_of_halts_say_in_chinese_what_they_say_in_english() -> None:
    details = dict(_details())

    assert len(details) >= 9, "the search finds halts"
    for place, detail in details.items():
        english, separator, chinese = detail.replace("_zh}", "}").partition(_SEPARATOR)
        assert separator, place
        assert sorted(_VALUE.findall(english)) == sorted(_VALUE.findall(chinese)), place
        assert _VALUE.sub("", chinese) == "'" or _CHINESE.search(chinese), place
