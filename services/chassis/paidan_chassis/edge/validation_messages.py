"""Pydantic's errors in English and Chinese, each as full as the other: what was expected, and its limits. No values."""

import difflib
from collections.abc import Iterable, Mapping
from typing import Any, Final, NamedTuple

from paidan_chassis.json_bodies import DUPLICATE_KEY, DUPLICATE_KEY_MESSAGE_ZH
from paidan_chassis.observability.redaction import redact_quotes


class Mistake(NamedTuple):
    """What is wrong with one part of a request."""

    field: str | None
    message: str
    message_zh: str


def describe(error: Mapping[str, Any], field: str | None = None) -> Mistake:
    """Return one of pydantic's errors as it is answered; ``field`` names a value that was validated alone."""
    kind, context = str(error["type"]), error.get("ctx", {})
    path = ".".join(str(part) for part in error["loc"] if part != "body") or field
    if kind in ("union_tag_invalid", "union_tag_not_found"):
        return _describe_kind(path, str(error["msg"]), context)
    message = redact_quotes(str(error["msg"])) if kind in _VALIDATORS else str(error["msg"])
    return Mistake(path, message.removeprefix("Value error, "), _in_chinese(kind, context))


def nearest_name(name: str, known: Iterable[str]) -> tuple[str, str]:
    """Return a hint at the nearest of the known names, in English and Chinese; empty if none is near."""
    by_folded = {each.casefold(): each for each in known}
    nearest = difflib.get_close_matches(name.strip().casefold(), by_folded, n=1)
    if not nearest:
        return "", ""
    return f" (did you mean {by_folded[nearest[0]]}?)", f"（是否为 {by_folded[nearest[0]]}？）"


def _describe_kind(union: str | None, message: str, context: Mapping[str, Any]) -> Mistake:
    """Name the kinds there are, as pydantic's message does after the last colon."""
    field = f"{union}.kind" if union else "kind"
    kinds = message.rpartition("expected tags: ")[2].replace("'", "") if "expected tags: " in message else ""
    if not kinds:
        return Mistake(field, "its kind is missing", "缺少类别 kind")
    names = kinds.split(", ")
    hint, hint_zh = nearest_name(str(context.get("tag", "")), names)
    return Mistake(
        field,
        f"there is no such kind; there are: {kinds}{hint}",
        f"没有该类别 kind；可用的有：{'、'.join(names)}{hint_zh}",
    )


def _in_chinese(kind: str, context: Mapping[str, Any]) -> str:
    template = _TEMPLATES_ZH.get(kind)
    if template is None:
        by_suffix = (text for suffix, text in _TEMPLATES_ZH_BY_SUFFIX.items() if kind.endswith(suffix))
        template = next(by_suffix, "内容不符合要求")
    try:
        return template.format_map({name: str(value).replace(" or ", " 或 ") for name, value in context.items()})
    except KeyError:  # without its context: the sentence up to its limit
        return template.partition("{")[0].rpartition("，")[0] or "内容不符合要求"


# Pydantic's own messages state what was expected; a validator's may quote the input.
_VALIDATORS: Final = frozenset({"value_error", "assertion_error"})
_TEMPLATES_ZH: Final = {
    "missing": "缺少必填项",
    DUPLICATE_KEY: DUPLICATE_KEY_MESSAGE_ZH,
    "extra_forbidden": "不允许的字段",
    "string_too_long": "文字过长，最多 {max_length} 个字符",
    "string_too_short": "文字过短，至少 {min_length} 个字符",
    "bytes_too_long": "内容过长，最多 {max_length} 字节",
    "too_long": "数量过多，最多 {max_length} 项，实有 {actual_length} 项",
    "too_short": "数量过少，至少 {min_length} 项，实有 {actual_length} 项",
    "string_pattern_mismatch": "格式不正确，须符合 {pattern}",
    "literal_error": "不在允许的取值之内，须为 {expected}",
    "enum": "不在允许的取值之内，须为 {expected}",
    "greater_than": "须大于 {gt}",
    "greater_than_equal": "须大于或等于 {ge}",
    "less_than": "须小于 {lt}",
    "less_than_equal": "须小于或等于 {le}",
    "multiple_of": "须为 {multiple_of} 的倍数",
    "finite_number": "须为有限的数",
    "timezone_aware": "时间须带时区",
    "string_unicode": "不是有效的文字",
    "string_type": "须为文字",
    "int_type": "须为整数",
    "int_parsing": "须为整数",
    "int_from_float": "须为整数，不得带小数",
    "int_parsing_size": "整数过大",
    "float_type": "须为数字",
    "float_parsing": "须为数字",
    "bool_type": "须为 true 或 false",
    "bool_parsing": "须为 true 或 false",
    "list_type": "须为列表",
    "tuple_type": "须为列表",
    "set_type": "须为列表",
    "dict_type": "须为对象",
    "model_type": "须为对象",
    "model_attributes_type": "须为对象",
    "datetime_type": "须为时间，如 2026-03-02T08:00:00+08:00",
    "datetime_parsing": "须为时间，如 2026-03-02T08:00:00+08:00",
    "datetime_from_date_parsing": "须为时间，如 2026-03-02T08:00:00+08:00",
    "date_type": "须为日期，如 2026-03-02",
    "date_parsing": "须为日期，如 2026-03-02",
    "date_from_datetime_parsing": "须为日期，如 2026-03-02",
}
_TEMPLATES_ZH_BY_SUFFIX: Final = {
    "_type": "类型不正确",
    "_parsing": "格式不正确",
    "_than": "超出允许范围",
    "_equal": "超出允许范围",
}
