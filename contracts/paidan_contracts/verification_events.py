"""Case events of verification 核实 as a task."""

from typing import Literal

from pydantic import Field

from paidan_contracts.case_event import CaseEvent
from paidan_contracts.places import WorkPlace
from paidan_contracts.verifications import AnyVerificationAnswer
from paidan_contracts.wire import Code, PhotoRef, Text, Timestamp


class CaseVerificationAssigned(CaseEvent):
    """派发核实: a patrol is to verify the report within a time limit of its own."""

    type: Literal["case.verification_assigned.v1"] = "case.verification_assigned.v1"
    post: Code
    due_at: Timestamp
    reason: Text = ""


class CaseVerificationAnswered(WorkPlace, CaseEvent):
    """核实反馈: what a patrol found on site; where it is true or not, the case's next step follows as an event."""

    type: Literal["case.verification_answered.v1"] = "case.verification_answered.v1"
    answer: AnyVerificationAnswer
    post: Code | None = Field(default=None, description="The post to which the task was given, if it was.")
    text: Text = ""
    proof: tuple[PhotoRef, ...] = ()
