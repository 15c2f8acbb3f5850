"""What is wrong with a command line, in English as Typer says it and in Chinese beside it."""

import re
from typing import Any, Final

from pydantic import ValidationError
from typer import rich_utils

from paidan_contracts.validation_zh import describe_in_chinese

_CHINESE: Final = re.compile(r"[\u4e00-\u9fff]")
_PYDANTIC_PREFIX: Final = "Value error, "
_KINDS_ZH: Final = {
    "argument": "参数", "option": "选项", "parameter": "参数", "file": "文件", "directory": "目录", "path": "路径",
}  # fmt: skip
# Typer's sentences, most particular first. A group that is in the table of kinds above is named in Chinese.
_SENTENCES_ZH: Final = [
    (re.compile(pattern, re.DOTALL), zh)
    for pattern, zh in (
        (r"No such command (.+?)\. Did you mean (.+)\?", "没有命令 {0}。是否为 {1}？"),
        (r"No such command (.+)\.", "没有命令 {0}。"),
        (r"No such option: (\S+) \(Possible options: (.+)\)", "没有选项 {0}（可能是：{1}）"),
        (r"No such option: (.+)", "没有选项 {0}"),
        (r"Missing command\.", "缺少命令。"),
        (r"Missing (\w+) (.+?)\.(?: Choose from:(.+))?", "缺少{0} {1}。{2}"),
        (r"Option (.+) requires an argument\.", "选项 {0} 须带有值。"),
        (r"Option (.+) requires (\d+) arguments\.", "选项 {0} 须带有 {1} 个值。"),
        (r"Option (.+) does not take a value\.", "选项 {0} 不带值。"),
        (r"Argument (.+) takes (\d+) values\.", "参数 {0} 须有 {1} 个值。"),
        (r"Got unexpected extra argument\(s\) (.+)", "有多余的参数 {0}"),
        (r"(\w+) (.+) does not exist\.", "{0} {1} 不存在。"),
        (r"(\w+) (.+) is a file\.", "{0} {1} 是文件。"),
        (r"(\w+) (.+) is a directory\.", "{0} {1} 是目录。"),
        (r"(\w+) (.+) is not readable\.", "{0} {1} 不可读取。"),
        (r"(\w+) (.+) is not writable\.", "{0} {1} 不可写入。"),
        (r"(.+) is not one of (.+)\.", "{0} 不在允许的取值之内：{1}。"),
        (r"(.+) does not match the formats (.+)\.", "{0} 不符合格式 {1}。"),
    )
]
_INVALID_VALUE: Final = re.compile(r"(Invalid value(?: for (.+?))?): (.+)", re.DOTALL)


def set_usage_error_format() -> None:
    """Make Typer print what is wrong with a command line in both languages."""
    print_error = rich_utils.rich_format_error

    def print_in_both_languages(error: Any) -> None:  # noqa: ANN401 - typer has a click of its own
        message = in_both_languages(error.format_message(), error.__cause__)
        error.format_message = lambda: message
        print_error(error)

    rich_utils.rich_format_error = print_in_both_languages  # type: ignore[assignment]


def in_both_languages(message: str, cause: BaseException | None = None) -> str:
    """Return one of Typer's messages with its Chinese on a line of its own; ``cause`` is what a value failed by."""
    found = _INVALID_VALUE.fullmatch(message)
    if found is None:
        return f"{message}\n{_in_chinese(message)}"
    said, name, why = found.groups()
    en, _, zh = why.partition(" / ") if _CHINESE.search(why.partition(" / ")[2]) else (why, "", "")
    en = en.removeprefix(_PYDANTIC_PREFIX)
    return f"{said}: {en}\n{f'{name} 的值' if name else '值'}无效：{zh or _why_in_chinese(en, cause)}"


def _why_in_chinese(why: str, cause: BaseException | None) -> str:
    if isinstance(cause, ValidationError):
        first = cause.errors(include_url=False, include_input=False)[0]
        if first["type"] != "value_error":
            return describe_in_chinese(first["type"], first.get("ctx", {}))
    return _in_chinese(why)


def _in_chinese(sentence: str) -> str:
    for pattern, zh in _SENTENCES_ZH:
        if found := pattern.fullmatch(sentence):
            return zh.format(*(_KINDS_ZH.get(part, part) for part in found.groups("")))
    return "命令行不正确"
