"""What intake tells the sender of a report that was accepted: what could not be determined, or was read otherwise."""

from typing import Final, Literal

from pydantic import Field

from paidan_contracts.wire import RequestModel

NoteCode = Literal[
    "unknown_category",
    "unknown_class",
    "unknown_condition",
    "unknown_matter",
    "unknown_owner",
    "unknown_department",
    "no_position",
    "position_outside_city",
    "position_of_nobody",
    "position_from_photo",
    "district_contradicts_position",
    "occurred_at_in_future",
    "occurred_at_implausible",
]
# The field, and the message in English and in Chinese.
_TEXTS: Final[dict[NoteCode, tuple[str, str, str]]] = {
    "unknown_category": (
        "category", "the city does not know this category, so the report has no class",
        "该城市没有此类别，上报未归入小类",
    ),
    "unknown_class": (
        "class_code", "the city's catalogue has no class {value}, so the report has none",
        "该城市目录中没有小类 {value}，上报未归入小类",
    ),
    "unknown_condition": (
        "condition", "the class has no condition {value}, so its default row applies",
        "该小类没有立案条件 {value}，按默认条件处理",
    ),
    "unknown_matter": (
        "matter", "the city does not know this word of a matter, so the report has none",
        "该城市没有此诉求类型，上报未标注诉求类型",
    ),
    "unknown_owner": (
        "suggested_owner", "the city has no department {value}, so rules alone decide who acts",
        "该城市没有部门 {value}，仅按规则确定承办部门",
    ),
    "unknown_department": (
        "complained_of", "the city has no department {value}: name in the text whom it complains of",
        "该城市没有部门 {value}：请在内容中写明被投诉单位",
    ),
    "no_position": (
        "position", "there is no position: the report is not merged with others nearby",
        "没有坐标，不会与附近的上报合并",
    ),
    "position_outside_city": (
        "position", "the position lies outside the city: it is kept as sent, and nothing is matched by it",
        "坐标位于城市范围之外：按原样保存，不用于匹配",
    ),
    "position_of_nobody": (
        "position", "the position stands for an unknown one: it is kept as sent, and nothing is matched by it",
        "该坐标为无效占位坐标：按原样保存，不用于匹配",
    ),
    "position_from_photo": (
        "position", "the position was read from a photo", "坐标取自照片",
    ),
    "district_contradicts_position": (
        "district", "the position lies in {found} and not in {value}: the position prevails",
        "坐标位于 {found}，而非 {value}：以坐标为准",
    ),
    "occurred_at_in_future": (
        "occurred_at", "the time lies in the future ({value}): the time of receipt is used",
        "时间在未来（{value}）：改用接收时间",
    ),
    "occurred_at_implausible": (
        "occurred_at", "the time is that of a clock that was not set ({value}): the time of receipt is used",
        "时间不合理，可能是时钟未校准（{value}）：改用接收时间",
    ),
}  # fmt: skip


class Note(RequestModel):
    """A note to the sender of a report that was accepted all the same."""

    code: NoteCode
    field: str = Field(description="The field that it is about.")
    message: str
    message_zh: str


def make_note(code: NoteCode, **values: str) -> Note:
    """Return a note, with the values that its message names."""
    field, message, message_zh = _TEXTS[code]
    return Note(code=code, field=field, message=message.format(**values), message_zh=message_zh.format(**values))
