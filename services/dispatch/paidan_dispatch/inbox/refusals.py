"""Refusals that do not depend on a case, in English and Chinese."""

from typing import Final

from paidan_contracts.outcomes import Refusal

UNKNOWN_CITY: Final = Refusal(
    code="unknown_city",
    field="city",
    message="No pack of this city is in force here.",
    message_zh="此处没有该城市的生效配置。",
)
UNKNOWN_AREA: Final = Refusal(
    code="unknown_area", field="area", message="The city has no such area.", message_zh="该城市没有此区域。"
)
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


def unreadable_refusal(field: str | None, problem: str) -> Refusal:
    """Return the refusal of a record that cannot be decoded; it names the field and quotes no value."""
    if field is None:
        return Refusal(code="unreadable", message=f"It cannot be read: {problem}.", message_zh="内容无法读取。")
    return Refusal(
        code="invalid_field",
        field=field[:200],
        message=f"The field {field} is invalid: {problem}.",
        message_zh=f"字段 {field} 有误。",
    )


def too_large_refusal() -> Refusal:
    """Return the refusal of a record whose results exceed the size of a message."""
    return Refusal(code="too_large", message="Its results are too large for a message.", message_zh="内容过大。")
