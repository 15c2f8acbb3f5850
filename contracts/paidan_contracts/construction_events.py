"""Case events of wishes that wait in a construction plan 建设计划."""

from typing import Literal

from pydantic import Field

from paidan_contracts.case_event import CaseEvent
from paidan_contracts.wire import PhotoRef, Reason, Text, Timestamp


class CaseConstructionPlanned(CaseEvent):
    """列入建设计划: the case waits until it is built; nobody has an order in it, and no limit but this date runs."""

    type: Literal["case.construction_planned.v1"] = "case.construction_planned.v1"
    due_before: Timestamp | None = Field(default=None, description="The date until now, where it was planned before.")
    due_at: Timestamp
    reason: Reason


class CaseStruckOff(CaseEvent):
    """销号: what was wished for is built, and the case is closed."""

    type: Literal["case.struck_off.v1"] = "case.struck_off.v1"
    text: Text = ""
    proof: tuple[PhotoRef, ...] = ()
