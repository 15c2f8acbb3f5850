"""Case events of escalation; none of them changes status or deadline."""

from typing import Literal

from pydantic import Field

from paidan_contracts.assignments import RuleRef
from paidan_contracts.case_event import CaseEvent
from paidan_contracts.wire import AnyTimerKind, Code, Text


class CaseEscalated(CaseEvent):
    """督办: the case was raised to levels of the city's ladder, by a step of it or by hand."""

    type: Literal["case.escalated.v1"] = "case.escalated.v1"
    levels: tuple[Code, ...]
    rule: RuleRef | None = Field(default=None, description="The step of the ladder; None: somebody raised it.")
    clock: AnyTimerKind | None = Field(default=None, description="The clock by which the ladder raised it.")
    reason: Text = ""


class CaseEscalationEnded(CaseEvent):
    """解除督办: escalations of the case are over. The end of a case ends its escalations without this event."""

    type: Literal["case.escalation_ended.v1"] = "case.escalation_ended.v1"
    levels: tuple[Code, ...]
    reason: Text = ""
