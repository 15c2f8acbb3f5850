"""Case events, as published on ``paidan.cases``: each has the next version, its cause, and the whole state."""

from typing import Annotated, Literal, TypeAlias

from pydantic import Field

from paidan_contracts.actions import Rating
from paidan_contracts.assignments import HelperRole, RuleRef
from paidan_contracts.case_event import CaseEvent
from paidan_contracts.clock_events import CaseClockOverdue, CaseClockWarned, CaseOverdue
from paidan_contracts.construction_events import CaseConstructionPlanned, CaseStruckOff
from paidan_contracts.department_actions import AnyReturnCode
from paidan_contracts.emergency_events import CaseReclocked
from paidan_contracts.escalation_events import CaseEscalated, CaseEscalationEnded
from paidan_contracts.extensible import ExtensibleEnum, Unknown
from paidan_contracts.places import WorkPlace
from paidan_contracts.record_events import CaseCorrected, CaseNoteAdded
from paidan_contracts.reports import JoinedReport
from paidan_contracts.settlement_events import CaseSettled
from paidan_contracts.time_limit_events import (
    CaseExempted,
    CaseExtended,
    CaseLimitSet,
    CaseRequestMade,
    CaseRequestReviewed,
    CaseResumed,
    CaseStepFinished,
    CaseStepPlanned,
    CaseSuspended,
)
from paidan_contracts.unit_events import CaseHandedOn, CaseUnitAnswered, CaseUnitReworked
from paidan_contracts.verification_events import CaseVerificationAnswered, CaseVerificationAssigned
from paidan_contracts.wire import Code, Id, PhotoRef, Reason, ShortText, Slug, Text, Timestamp, WireModel


class Dispatch(WireModel):
    """派遣 by rule in the same step that opened the case: what a ``case.dispatched.v1`` of its own would say."""

    department: Slug
    order_id: Id
    placed_by: RuleRef
    due_at: Timestamp | None = Field(
        default=None, description="End of the time limit for handling, by the city's calendar; None: no limit."
    )


class CaseOpened(CaseEvent):
    """上报/受理: a report opened a case, and mostly a rule dispatched it at once.

    Its status is ``dispatched``; ``filed``, until the next event says that it is held; or ``received`` while it awaits
    verification. Up to release 2 a case that was dispatched at once was opened as ``filed``, and version 2 was its
    ``case.dispatched.v1``.
    """

    type: Literal["case.opened.v1"] = "case.opened.v1"
    report_id: Id
    dispatched: Dispatch | None = Field(
        default=None, description="The department that received the order at once; no case.dispatched.v1 follows."
    )


class CaseMerged(CaseEvent):
    """Another report of the same problem was merged into the case."""

    type: Literal["case.merged.v1"] = "case.merged.v1"
    report_id: Id
    metres: float | None = Field(default=None, description="Distance of the report from the case.")
    report: JoinedReport | None = Field(default=None, description="The report in full, without what is in the vault.")


class CaseFiled(CaseEvent):
    """立案: the case was filed under a catalogue row, after verification or again by an operator."""

    type: Literal["case.filed.v1"] = "case.filed.v1"
    row_id: Code | None = None
    filed_by: RuleRef
    reason: Text = Field(default="", description="Of the action that filed it.")


class CaseDispatched(CaseEvent):
    """派遣: a department received the order, and its time limit runs.

    On every dispatch and re-dispatch but that of a case as it is opened, which ``case.opened.v1`` tells.
    """

    type: Literal["case.dispatched.v1"] = "case.dispatched.v1"
    department: Slug
    order_id: Id
    placed_by: RuleRef
    due_at: Timestamp | None = Field(
        default=None, description="End of the time limit for handling, by the city's calendar; None: no limit."
    )
    reason: Text = Field(default="", description="Of the action that assigned or redispatched it.")


class CaseHeld(CaseEvent):
    """No rule routes the case: it waits at the hard-to-place desk."""

    type: Literal["case.held.v1"] = "case.held.v1"
    reason: Text


class CaseAccepted(CaseEvent):
    """签收: the department accepted the order."""

    type: Literal["case.accepted.v1"] = "case.accepted.v1"
    department: Slug


class CaseReturned(CaseEvent):
    """退单: the department returned the order, because it is not responsible."""

    type: Literal["case.returned.v1"] = "case.returned.v1"
    department: Slug
    code: AnyReturnCode
    reason: Reason


class CaseFinished(WorkPlace, CaseEvent):
    """处置完成: the department reported the work as done; the case awaits inspection."""

    type: Literal["case.finished.v1"] = "case.finished.v1"
    department: Slug
    unit: Slug | None = Field(default=None, description="The unit inside the department that did it, if one did.")
    late: bool | None = Field(
        default=None, description="Whether it was finished after the time limit; None: there is no limit."
    )
    text: Text = ""
    proof: tuple[PhotoRef, ...] = ()


class CaseReworked(CaseEvent):
    """返工: the inspection failed; the same department continues under the same time limit."""

    type: Literal["case.reworked.v1"] = "case.reworked.v1"
    department: Slug
    reason: Text = ""
    proof: tuple[PhotoRef, ...] = ()


class CaseClosed(CaseEvent):
    """结案: the inspection passed, and the case is closed."""

    type: Literal["case.closed.v1"] = "case.closed.v1"
    reason: Text = ""
    proof: tuple[PhotoRef, ...] = ()


class CaseCalledBack(CaseEvent):
    """回访: the resident's rating was recorded."""

    type: Literal["case.called_back.v1"] = "case.called_back.v1"
    rating: Rating
    report_id: Id | None = Field(default=None, description="The report whose reporter was called.")
    reason: Text = ""


class CaseReopened(CaseEvent):
    """重办: the resident was dissatisfied with reason; a new round with its own time limit begins."""

    type: Literal["case.reopened.v1"] = "case.reopened.v1"
    department: Slug
    due_at: Timestamp | None = None
    reason: Text = ""


class CaseVoided(CaseEvent):
    """作废: the case was voided, because it should not exist."""

    type: Literal["case.voided.v1"] = "case.voided.v1"
    reason: Reason


class CaseNotAccepted(CaseEvent):
    """不予受理: verification failed, and the case was not accepted."""

    type: Literal["case.not_accepted.v1"] = "case.not_accepted.v1"
    reason: Reason


class CaseUrged(CaseEvent):
    """催办: the department was reminded."""

    type: Literal["case.urged.v1"] = "case.urged.v1"
    department: Slug
    reason: Text = ""


class CaseHelperAnswered(WorkPlace, CaseEvent):
    """协办: a helping department answered its own order; the case's status does not change."""

    type: Literal["case.helper_answered.v1"] = "case.helper_answered.v1"
    department: Slug
    role: Annotated[HelperRole | Unknown, ExtensibleEnum()]
    answer: Annotated[Literal["accepted", "returned", "finished"] | Unknown, ExtensibleEnum()]
    code: AnyReturnCode | None = None
    text: Text = ""
    proof: tuple[PhotoRef, ...] = ()


class CaseAmended(CaseEvent):
    """修正: an imported record was corrected from a later export."""

    type: Literal["case.amended.v1"] = "case.amended.v1"
    reason: Reason
    fields: tuple[ShortText, ...] = Field(description="Names of the fields of the state that changed.")


AnyCaseEvent: TypeAlias = Annotated[
    CaseOpened
    | CaseMerged
    | CaseFiled
    | CaseDispatched
    | CaseHeld
    | CaseAccepted
    | CaseReturned
    | CaseFinished
    | CaseReworked
    | CaseClosed
    | CaseCalledBack
    | CaseReopened
    | CaseVoided
    | CaseNotAccepted
    | CaseUrged
    | CaseOverdue
    | CaseClockOverdue
    | CaseClockWarned
    | CaseHelperAnswered
    | CaseAmended
    | CaseCorrected
    | CaseNoteAdded
    | CaseHandedOn
    | CaseUnitAnswered
    | CaseUnitReworked
    | CaseEscalated
    | CaseEscalationEnded
    | CaseRequestMade
    | CaseRequestReviewed
    | CaseExtended
    | CaseSuspended
    | CaseResumed
    | CaseExempted
    | CaseLimitSet
    | (CaseStepPlanned | CaseStepFinished)
    | CaseVerificationAssigned
    | CaseVerificationAnswered
    | CaseConstructionPlanned
    | (CaseStruckOff | CaseSettled)
    | CaseReclocked,
    Field(discriminator="type"),
]
