"""Case events, reduced to the fields of the read model. All other fields are ignored."""

from datetime import datetime
from typing import Annotated

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, StringConstraints

from paidan_contracts.wire import (
    CaseId,
    Code,
    Id,
    Latitude,
    Longitude,
    NonNegativeInt,
    PositiveInt,
    Slug,
    Timestamp,
)

CaseEventType = Annotated[str, StringConstraints(pattern=r"^case\.[a-z_]+\.v1$")]
"""Any step of the first version. All of them carry the whole state, so steps newer than this code count as well."""
StatusName = Annotated[str, StringConstraints(pattern=r"^[a-z_]{1,40}$")]


class EventPart(BaseModel):
    """A part of a case event, which is decoded in half the time that the whole takes."""

    model_config = ConfigDict(extra="ignore", frozen=True)


class LimitPart(EventPart):
    """A time limit for handling."""

    due_at: AwareDatetime | None = None


class UnitOrderPart(EventPart):
    """An order that was handed on inside its department."""

    unit: Slug
    confirmed_at: str | None = None
    returned_at: str | None = None
    withdrawn_at: str | None = None


class AssignmentPart(EventPart):
    """The assignment of a case to a department."""

    accept_by: AwareDatetime | None = None
    accepted_at: str | None = None
    limits: tuple[LimitPart, ...] = ()
    handed_on: tuple[UnitOrderPart, ...] = ()


class HelperPart(EventPart):
    """A department that helps."""

    department: Slug
    finished_at: str | None = None
    returned_at: str | None = None
    withdrawn_at: str | None = None


class VerificationPart(EventPart):
    """The task of verifying a case on site."""

    post: Code | None = None
    answer: str | None = None


class ClockPart(EventPart):
    """A time limit of a stage."""

    kind: StatusName
    due_at: AwareDatetime
    ended_at: str | None = None
    verification: VerificationPart | None = None


class PlacePart(EventPart):
    """Where the problem is."""

    latitude: Latitude | None = None
    longitude: Longitude | None = None
    district: Code | None = None
    street: Code | None = None
    community: Code | None = None
    grid: Code | None = None
    address: str | None = None


class ReportPart(EventPart):
    """The text of a merged report, by which its case can be found."""

    text: str = ""
    address: str | None = None


class MergedReportPart(EventPart):
    """A report as it joins a case."""

    report_id: Id
    source: Slug
    recorded_at: Timestamp


class NumbersPart(EventPart):
    """The numbers by which people name a case."""

    ours: Code | None = None
    source_ref: str | None = None


class RequestPart(EventPart):
    """A department's request about its time limit; without an outcome it waits for the next of the chain."""

    kind: StatusName
    chain: tuple[Code, ...] = ()
    steps: tuple[EventPart, ...] = ()
    outcome: str | None = None


class TimeLimitsPart(EventPart):
    """What was asked about time limits."""

    requests: tuple[RequestPart, ...] = ()


class EscalationPart(EventPart):
    """A level to which the case was raised."""

    level: Code
    ended_at: str | None = None


class EscalationsPart(EventPart):
    """The levels to which the case was raised."""

    entries: tuple[EscalationPart, ...] = ()


class AnswerablePart(EventPart):
    """Who answers for the case beside its department."""

    leader: Code | None = None
    office: Slug | None = None
    unit: Slug | None = None


class StatePart(EventPart):
    """The state of a case at one version."""

    city: Slug
    status: StatusName
    opened_by: Id
    source: Slug
    class_code: Code | None = None
    row_id: Code | None = None
    numbers: NumbersPart | None = None
    place: PlacePart
    text: str = ""
    confidential: bool = False
    reports: NonNegativeInt
    joined: tuple[ReportPart, ...] = ()
    reported_at: Timestamp
    department: Slug | None = None
    complained_of: Slug | None = None
    answerable: AnswerablePart | None = None
    escalation: EscalationsPart | None = None
    time_limits: TimeLimitsPart | None = None
    assignments: Annotated[tuple[AssignmentPart, ...], Field(max_length=1000)] = ()
    helpers: tuple[HelperPart, ...] = ()
    clocks: tuple[ClockPart, ...] = ()
    round: PositiveInt = 1
    hops: NonNegativeInt = 0
    urged: NonNegativeInt = 0
    closed_at: datetime | None = None
    ended_at: datetime | None = None
    callbacks_awaited: tuple[str, ...] = ()
    past: bool = False


class CockpitCaseEvent(EventPart):
    """A step of a case."""

    type: CaseEventType
    case_id: CaseId
    version: PositiveInt
    report: MergedReportPart | None = None
    state: StatePart
