"""Case events of requests about time limits, and of limits that are extended, suspended, or set by hand."""

from typing import Annotated, Literal

from pydantic import Field

from paidan_contracts.case_event import CaseEvent
from paidan_contracts.extensible import ExtensibleEnum, Unknown
from paidan_contracts.time_limits import AnyRequestKind
from paidan_contracts.wire import Code, PositiveInt, Reason, Slug, Text, Timestamp


class CaseRequestMade(CaseEvent):
    """延期、挂账、申诉: a department asks; those whom the city's pack names decide, in order."""

    type: Literal["case.request_made.v1"] = "case.request_made.v1"
    department: Slug
    request: AnyRequestKind
    duty: Code = Field(description="Of whom decides first.")
    resume_at: Timestamp | None = Field(default=None, description="Of a suspension: until when.")
    reason: Reason


class CaseRequestReviewed(CaseEvent):
    """审批: one step of the decision on a request."""

    type: Literal["case.request_reviewed.v1"] = "case.request_reviewed.v1"
    department: Slug
    request: AnyRequestKind
    duty: Code = Field(description="Of whom decided.")
    outcome: Annotated[Literal["approved", "passed_on", "rejected"] | Unknown, ExtensibleEnum()] = Field(
        description="passed_on: approved, and the next one decides."
    )
    reason: Text = ""


class CaseExtended(CaseEvent):
    """延期: the running limit ends later."""

    type: Literal["case.extended.v1"] = "case.extended.v1"
    department: Slug
    due_before: Timestamp
    due_at: Timestamp


class CaseSuspended(CaseEvent):
    """挂账: the clock of handling stands."""

    type: Literal["case.suspended.v1"] = "case.suspended.v1"
    department: Slug
    resume_at: Timestamp


class CaseResumed(CaseEvent):
    """恢复: the clock of handling goes on with what was left."""

    type: Literal["case.resumed.v1"] = "case.resumed.v1"
    department: Slug
    due_at: Timestamp | None = Field(default=None, description="None: there is no limit.")
    reason: Text = ""


class CaseExempted(CaseEvent):
    """申诉: an appeal was granted; that the case was overdue is not counted."""

    type: Literal["case.exempted.v1"] = "case.exempted.v1"
    department: Slug


class CaseLimitSet(CaseEvent):
    """限时: the running limit was set by hand."""

    type: Literal["case.limit_set.v1"] = "case.limit_set.v1"
    department: Slug
    due_before: Timestamp | None = None
    due_at: Timestamp
    reason: Reason


class CaseStepPlanned(CaseEvent):
    """限期整改: a step was added to the plan."""

    type: Literal["case.step_planned.v1"] = "case.step_planned.v1"
    department: Slug
    step: PositiveInt
    due_at: Timestamp
    text: Text


class CaseStepFinished(CaseEvent):
    """限期整改: a step of the plan is done."""

    type: Literal["case.step_finished.v1"] = "case.step_finished.v1"
    department: Slug
    step: PositiveInt
    text: Text = ""
