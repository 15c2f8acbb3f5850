"""The Chinese README says what the English one says: same code, sections, tables, paragraphs, links and names."""

import re
from pathlib import Path
from typing import Final

import pytest

_ROOT: Final = Path(__file__).parents[2]
_CODE: Final = re.compile(r"^```.*?^```$", re.DOTALL | re.MULTILINE)
_NAME: Final = re.compile(r"`([^`]+)`")
_LINK: Final = re.compile(r"\]\(([^)]+)\)")
_NUMBER: Final = re.compile(r"\d+(?:[.,:-]\d+)*")
_OTHER: Final = {"README.md", "README.zh-CN.md"}


def prose(name: str) -> str:
    return _CODE.sub("", (_ROOT / name).read_text(encoding="utf-8"))


def test_code_is_the_same() -> None:
    en, zh = ((_ROOT / name).read_text(encoding="utf-8") for name in ("README.md", "README.zh-CN.md"))

    assert _CODE.findall(zh) == _CODE.findall(en)


@pytest.mark.parametrize("begins", ["#", "- ", "| "], ids=["headings", "list items", "table rows"])
def test_structure_is_the_same(begins: str) -> None:
    en, zh = (
        [line for line in prose(name).splitlines() if line.startswith(begins)]
        for name in ("README.md", "README.zh-CN.md")
    )

    assert len(zh) == len(en)


def test_rows_of_tables_show_the_same_names() -> None:
    en, zh = (
        [sorted(_NAME.findall(line)) for line in prose(name).splitlines() if line.startswith("| ")]
        for name in ("README.md", "README.zh-CN.md")
    )

    assert zh == en


@pytest.mark.parametrize("pattern", [_NAME, _LINK, _NUMBER], ids=["names", "links", "numbers"])
def test_prose_shows_the_same(pattern: re.Pattern[str]) -> None:
    en, zh = (
        sorted({re.sub(r"\s+", " ", each) for each in pattern.findall(prose(name))} - _OTHER)
        for name in ("README.md", "README.zh-CN.md")
    )

    assert zh == en


def test_each_links_the_other_at_its_head() -> None:
    assert "(README.zh-CN.md)" in prose("README.md").split("##")[0]
    assert "(README.md)" in prose("README.zh-CN.md").split("##")[0]
