"""Case events of corrections and notes."""

from typing import Annotated, Literal

from pydantic import Field

from paidan_contracts.case_event import CaseEvent
from paidan_contracts.extensible import ExtensibleEnum, Unknown
from paidan_contracts.wire import Reason, ShortText, Text, WireModel


class FieldCorrection(WireModel):
    """A field of a case before and after a correction; None: it was, or is, unknown."""

    field: ShortText = Field(
        description="position, district, street, community, grid, address, text, class_code, row_id,"
        " complained_of or department."
    )
    before: Text | None = None
    after: Text | None = None


class CaseCorrected(CaseEvent):
    """更正: an operator corrected what the case says. Of a corrected department, its dispatch follows as a step."""

    type: Literal["case.corrected.v1"] = "case.corrected.v1"
    reason: Reason
    corrections: tuple[FieldCorrection, ...]


class CaseNoteAdded(CaseEvent):
    """备注: words were added on the case; nothing else in it changed."""

    type: Literal["case.note_added.v1"] = "case.note_added.v1"
    text: Text
    visible_to: Annotated[Literal["internal", "department"] | Unknown, ExtensibleEnum()] = "internal"
