"""The titles and descriptions of an action's fields and their values, in English and Chinese."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final, NamedTuple

from paidan_dispatch.cases.bilingual import Bilingual
from paidan_dispatch.cases.names import RETURN_CODE_NAMES


class FieldText(NamedTuple):
    """A field's title, and what else whoever fills it should know."""

    title: Bilingual
    description: Bilingual | None = None


_ANSWER: Final = Bilingual("Answer to the reporters", "对上报人的答复")
_TO_DEPARTMENT: Final = FieldText(
    Bilingual("Reason, and what the department should know", "理由，以及须告知该单位的事项"),
    Bilingual("The department reads it, such as where exactly; the reporters do not see it.",
              "该单位可见（如具体位置），上报人不可见。"),
)  # fmt: skip

FIELD_TEXTS: Final[Mapping[str, FieldText]] = MappingProxyType(
    {
        "verified": FieldText(Bilingual("Does the problem exist?", "情况是否属实")),
        "passed": FieldText(
            Bilingual("Does the work pass?", "核查是否通过"),
            Bilingual("Whether the closing condition of the case's row is met.", "是否符合本案条目的结案条件。"),
        ),
        "reason": FieldText(Bilingual("Reason", "理由"), Bilingual("The reporters do not see it.", "上报人不可见。")),
        "assign.reason": _TO_DEPARTMENT,
        "redispatch.reason": _TO_DEPARTMENT,
        "row_id": FieldText(
            Bilingual("Catalogue row", "立案条目"),
            Bilingual("The row whose condition holds; it sets time limit and closing condition.",
                      "符合立案条件的条目，决定处置时限和结案条件。"),
        ),
        "department": FieldText(Bilingual("Department", "责任单位")),
        "assign.department": FieldText(Bilingual("To which department", "派给哪个单位")),
        "redispatch.department": FieldText(Bilingual("To which department", "派给哪个单位")),
        "unit": FieldText(
            Bilingual("Unit", "下级单位"),
            Bilingual("The unit for which you answer. Left empty, you answer for yourself.",
                      "代为回复的下级单位；不填则为本单位回复。"),
        ),
        "hand_on.unit": FieldText(
            Bilingual("To which unit", "派给哪个单位"),
            Bilingual("Your department stays answerable for the order.", "本单位仍对该派单负责。"),
        ),
        "person": FieldText(
            Bilingual("To which person", "派给谁"),
            Bilingual("The person's id. Left empty, anybody of the unit.",
                      "人员编号；不填则由该单位任何人办理。"),
        ),
        "due_at": FieldText(
            Bilingual("The unit's time limit", "下级时限"),
            Bilingual("Before your own limit ends. Left empty, by the city's terms.",
                      "须早于本单位时限；不填则按本市规定。"),
        ),
        "confirmed": FieldText(Bilingual("Is the unit's work confirmed?", "是否确认下级处置结果")),
        "level": FieldText(
            Bilingual("Level", "督办层级"),
            Bilingual("Without one: the next above those that stand.", "不选则为现有层级之上的一级。"),
        ),
        "end_escalation.level": FieldText(
            Bilingual("Level", "督办层级"), Bilingual("Without one: every one that stands.", "不选则解除全部现有层级。")
        ),
        "code": FieldText(Bilingual("Why it is returned", "退单原因")),
        "text": FieldText(
            Bilingual("What was done", "处置情况"),
            Bilingual("It becomes the answer to the reporters where the inspection gives none.",
                      "核查未另作答复时，以此答复上报人。"),
        ),
        "proof": FieldText(
            Bilingual("Photos as proof", "证明照片"),
            Bilingual("References of photos; store each first, by POST /v1/photos?case_id= of this case.",
                      "照片编号；请先通过 POST /v1/photos?case_id=（本案编号）逐张上传。"),
        ),
        "latitude": FieldText(
            Bilingual("Latitude of where it was done", "处置地点纬度"),
            Bilingual("WGS-84, degrees; only with the longitude, and only if whoever did it agrees.",
                      "WGS-84 坐标，单位为度；须与经度同时填写，并经处置人同意。"),
        ),
        "longitude": FieldText(
            Bilingual("Longitude of where it was done", "处置地点经度"),
            Bilingual("WGS-84, degrees; only with the latitude, and only if whoever did it agrees.",
                      "WGS-84 坐标，单位为度；须与纬度同时填写，并经处置人同意。"),
        ),
        "rating": FieldText(Bilingual("The reporter's rating", "上报人评价")),
        "solved": FieldText(Bilingual("Is the problem solved?", "问题是否解决")),
        "reasonable": FieldText(
            Bilingual("Is the rating reasonable?", "评价是否合理"),
            Bilingual("A dissatisfied one that is reasonable may reopen the case.", "合理的不满意评价可使案件重办。"),
        ),
        "report_id": FieldText(
            Bilingual("Whose reporter was called", "被回访的上报"),
            Bilingual("Left empty, the report that opened the case.", "不填则为立案的上报。"),
        ),
        "promised_by": FieldText(Bilingual("End of the promised time", "承诺办结时间")),
        "closed_at": FieldText(Bilingual("When it was closed", "结案时间")),
        "answer": FieldText(
            _ANSWER, Bilingual("Left empty, they are told a usual text.", "不填则采用通用答复。")
        ),
        "inspect.answer": FieldText(
            _ANSWER,
            Bilingual("Only where the inspection passes. Left empty, residents read what the department wrote last.",
                      "仅核查通过时填写。不填则以责任单位最后填写的处置情况答复。"),
        ),
        "amend.text": FieldText(Bilingual("Words of the record", "记录内容")),
        "amend.occurred_at": FieldText(Bilingual("When it happened by the record", "记录的发生时间")),
        "reply.text": FieldText(_ANSWER),
        "adopted": FieldText(
            Bilingual("Is the suggestion adopted?", "是否采纳"), Bilingual("Of a suggestion alone.", "仅用于建议。")
        ),
        "correct.latitude": FieldText(
            Bilingual("Latitude of the problem", "问题地点纬度"),
            Bilingual("WGS-84, degrees; only with the longitude.", "WGS-84 坐标，单位为度；须与经度同时填写。"),
        ),
        "correct.longitude": FieldText(
            Bilingual("Longitude of the problem", "问题地点经度"),
            Bilingual("WGS-84, degrees; only with the latitude.", "WGS-84 坐标，单位为度；须与纬度同时填写。"),
        ),
        "district": FieldText(
            Bilingual("District, street or community", "所在区县、街道或社区"),
            Bilingual("Of a case without a position.", "用于没有位置坐标的案件。"),
        ),
        "address": FieldText(Bilingual("Address of the problem", "问题地址")),
        "correct.text": FieldText(Bilingual("What is reported", "反映内容")),
        "class_code": FieldText(
            Bilingual("Class", "类别"),
            Bilingual("Without a row, the default row of the class applies.", "不填条目时采用该类别的默认条目。"),
        ),
        "complained_of": FieldText(
            Bilingual("Department complained of", "被投诉单位"),
            Bilingual("Of a complaint about handling: it never handles this case.",
                      "投诉办理情况时填写；该单位不得办理本案。"),
        ),
        "note.text": FieldText(Bilingual("Note", "备注")),
        "visible_to": FieldText(
            Bilingual("Who reads it", "可见范围"),
            Bilingual("Left empty, the staff alone.", "不填则仅内部可见。"),
        ),
        "approved": FieldText(
            Bilingual("Is the request approved?", "是否同意申请"),
            Bilingual("Whoever rejects it states the reason.", "驳回须填写理由。"),
        ),
        "resume_at": FieldText(
            Bilingual("When the work goes on", "恢复处置时间"),
            Bilingual("The clock stands until then.", "此前暂停计时。"),
        ),
        "set_limit.due_at": FieldText(
            Bilingual("End of the time limit", "时限截止时间"),
            Bilingual("It replaces the running one, and may be earlier or later.", "取代现有时限，可提前或延后。"),
        ),
        "plan_step.due_at": FieldText(
            Bilingual("End of the step's time limit", "步骤截止时间"),
            Bilingual("Not later than the case's own time limit.", "不得晚于本案时限。"),
        ),
        "post": FieldText(
            Bilingual("Which patrol", "派给哪个岗位"),
            Bilingual("Where it is absent, the next by the city's terms for the place.",
                      "不选则按本市规定派给该处下一个巡查岗位。"),
        ),
        "plan_construction.due_at": FieldText(
            Bilingual("To be built by", "计划建成时间"),
            Bilingual("Without a zone it is the city's time.", "未注明时区则为本市时间。"),
        ),
        "strike_off.text": FieldText(Bilingual("What was built", "建成情况")),
        "step": FieldText(Bilingual("Step of the plan", "整改步骤")),
        "plan_step.text": FieldText(Bilingual("What is to be done", "整改内容")),
        "finish_step.text": FieldText(Bilingual("What was done", "完成情况")),
        "occurred_at": FieldText(
            Bilingual("When it was done", "实际办理时间"),
            Bilingual("By the sender's account; without a zone it is the city's time.",
                      "以填报为准；未注明时区则为本市时间。"),
        ),
        "of_report": FieldText(
            Bilingual("Report", "上报"),
            Bilingual("Act on the case that this report is in.", "对该上报所在的案件进行操作。"),
        ),
    }
)  # fmt: skip
"""By field, and by kind and field where a kind uses it otherwise."""

VALUE_TEXTS: Final[Mapping[str, Mapping[str | bool, Bilingual]]] = MappingProxyType(
    {
        "verified": {True: Bilingual("It exists", "属实"), False: Bilingual("It does not", "不属实")},
        "passed": {True: Bilingual("It passes", "通过"), False: Bilingual("It fails", "不通过")},
        "approved": {True: Bilingual("Approved", "同意"), False: Bilingual("Rejected", "驳回")},
        "confirmed": {True: Bilingual("Confirmed", "确认"), False: Bilingual("Not yet done", "未完成，继续处置")},
        "reasonable": {True: Bilingual("Reasonable", "合理"), False: Bilingual("Unreasonable", "不合理")},
        "code": dict(RETURN_CODE_NAMES.items()),
        "rating": {
            "satisfied": Bilingual("Satisfied", "满意"),
            "basically_satisfied": Bilingual("Basically satisfied", "基本满意"),
            "dissatisfied": Bilingual("Dissatisfied", "不满意"),
            "no_answer": Bilingual("No answer", "未评价"),
        },
        "adopted": {True: Bilingual("Adopted", "采纳"), False: Bilingual("Not adopted", "未采纳")},
        "visible_to": {
            "internal": Bilingual("The staff alone", "仅内部"),
            "department": Bilingual("The departments with an order, too", "责任单位和协办单位也可见"),
        },
        "solved": {
            "solved": Bilingual("Solved", "已解决"),
            "partly": Bilingual("Partly", "部分解决"),
            "unsolved": Bilingual("Unsolved", "未解决"),
        },
    }
)
"""By field and value."""


def text_of_field(kind: str, name: str) -> FieldText:
    """Return the text of a field of this kind of action."""
    return FIELD_TEXTS.get(f"{kind}.{name}") or FIELD_TEXTS[name]
