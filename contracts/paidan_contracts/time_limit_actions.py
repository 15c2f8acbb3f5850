"""Actions on a case's time limits: extension, suspension, limits set by hand, plans with dated steps, appeals."""

from typing import Annotated, Literal, TypeAlias

from pydantic import Field

from paidan_contracts.lenient_types import (
    FreeText,
    RequiredReason,
    RequiredText,
    RequiredTime,
    RequiredWord,
    StatedTime,
)
from paidan_contracts.wire import PositiveInt, WireModel


class AskExtension(WireModel):
    """延期: the department asks for more time, before its limit is over; the reason is mandatory."""

    kind: Literal["ask_extension"] = "ask_extension"
    reason: FreeText = ""


class AskSuspension(WireModel):
    """挂账: the department asks that the clock stands until a date; the reason is mandatory."""

    kind: Literal["ask_suspension"] = "ask_suspension"
    resume_at: StatedTime = Field(
        default=None, description="When the work goes on by itself; without a zone it is the city's time."
    )
    reason: FreeText = ""


class Appeal(WireModel):
    """申诉: the department of a closed case asks that its being overdue is not counted; the reason is mandatory."""

    kind: Literal["appeal"] = "appeal"
    reason: FreeText = ""


class Review(WireModel):
    """审批: one step of the chain that decides on the request that is pending; who rejects it states the reason."""

    kind: Literal["review"] = "review"
    approved: Annotated[bool, RequiredWord]
    reason: FreeText = ""


class Resume(WireModel):
    """恢复: the work on a suspended case goes on before its date."""

    kind: Literal["resume"] = "resume"
    reason: FreeText = ""


class SetLimit(WireModel):
    """限时: set the end of the running limit by hand; it may be earlier or later than that of the catalogue."""

    kind: Literal["set_limit"] = "set_limit"
    due_at: RequiredTime = Field(description="Without a zone it is the city's time.")
    reason: RequiredReason


class PlanStep(WireModel):
    """限期整改: add a step with a date of its own to the plan of a hard case; it ends within the case's limit."""

    kind: Literal["plan_step"] = "plan_step"
    text: RequiredText
    due_at: RequiredTime = Field(description="Without a zone it is the city's time.")


class FinishStep(WireModel):
    """A step of the plan is done."""

    kind: Literal["finish_step"] = "finish_step"
    step: Annotated[PositiveInt, RequiredWord] = Field(description="Number of the step within the plan.")
    text: FreeText = ""


TimeLimitAction: TypeAlias = AskExtension | AskSuspension | Appeal | Review | Resume | SetLimit | PlanStep | FinishStep
