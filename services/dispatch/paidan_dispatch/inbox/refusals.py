"""Refusals that do not depend on a case, in English and Chinese."""

from types import MappingProxyType
from typing import Final

from paidan_contracts.outcomes import Refusal
from paidan_contracts.validation_zh import describe_in_chinese

ID_REUSED: Final = Refusal(
    code="id_reused",
    field="id",
    message="This id was used before with another content; the first one stands.",
    message_zh="该编号已用于其他内容，以首次为准。",
)
NOT_YOUR_ROLE: Final = Refusal(
    code="not_your_role",
    field="actor",
    message="Replies to noted reports are an operator's or a caller's.",
    message_zh="只有值班员或回访员可以答复。",
)
UNKNOWN_DEPARTMENT: Final = Refusal(
    code="unknown_department",
    message="No published city has a department of this name.",
    message_zh="已发布的城市配置中没有该单位。",
)


_PROBLEMS_ZH: Final[MappingProxyType[str, str]] = MappingProxyType(
    {
        "not JSON": "不是有效的 JSON",
        "not UTF-8 text": "不是 UTF-8 文字",
        "not a known type": "类型未知",
        "the pack is another city's": "配置属于其他城市",
        "there is no value": "没有内容",
    }
)


def unknown_city(city: str) -> Refusal:
    """Return the refusal of a report of a city without a pack."""
    return Refusal(
        code="unknown_city",
        field="city",
        message=f"No pack of a city {city} is in force here.",
        message_zh=f"此处没有城市 {city} 的生效配置。",
    )


def unknown_area(city: str, area: str) -> Refusal:
    """Return the refusal of a report of an area that its city does not have."""
    return Refusal(
        code="unknown_area",
        field="area",
        message=f"The city {city} has no area {area}.",
        message_zh=f"城市 {city} 没有区域 {area}。",
    )


def unreadable_refusal(field: str | None, problem: str) -> Refusal:
    """Return the refusal of a record that cannot be decoded; it names the field and quotes no value."""
    problem_zh = _PROBLEMS_ZH.get(problem) or f"{describe_in_chinese(problem, {})}（{problem}）"
    if field is None:
        return Refusal(
            code="unreadable", message=f"It cannot be read: {problem}.", message_zh=f"内容无法读取：{problem_zh}。"
        )
    return Refusal(
        code="invalid_field",
        field=field[:200],
        message=f"The field {field} is invalid: {problem}.",
        message_zh=f"字段 {field} 有误：{problem_zh}。",
    )


def duplicate_key_refusal(field: str | None) -> Refusal:
    """Return the refusal of a record in which an object states a field twice."""
    return Refusal(
        code="duplicate_key",
        field=field,
        message=f"The field {field} is stated twice; it may be stated once.",
        message_zh=f"字段 {field} 重复出现，只能出现一次。",
    )


def rejected_refusal(reason: str) -> Refusal:
    """Return the refusal of a record that the consumer itself has dead-lettered for this reason."""
    return too_large_refusal() if reason == "too_large" else unreadable_refusal(None, reason)


def too_large_refusal() -> Refusal:
    """Return the refusal of a record whose results exceed the size of a message."""
    return Refusal(
        code="too_large",
        message="Its results are too large for a message.",
        message_zh="处理结果超出单条消息的大小上限。",
    )
