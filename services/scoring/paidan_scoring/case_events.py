"""Case events, reduced to the fields that facts are computed from. All other fields are ignored."""

from typing import Annotated

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, StringConstraints

from paidan_contracts.actions import Rating
from paidan_contracts.state import Status
from paidan_contracts.wire import CaseId, Code, Digest, NonNegativeInt, PositiveInt, Slug, Timestamp

CaseEventType = Annotated[str, StringConstraints(pattern=r"^case\.[a-z_]+\.v1$")]
"""Any step of the first version. All of them carry the whole state, so steps newer than this code count as well."""

PresenceOnly = str | None
"""A time of which only the presence is used. Parsing it would cost more than all other fields."""


class PartialModel(BaseModel):
    """A part of a case event. It is validated in half the time that the whole model takes."""

    model_config = ConfigDict(extra="ignore")


class ScoringLimit(PartialModel):
    """A handling limit of an assignment."""

    due_at: PresenceOnly = None
    finished_at: PresenceOnly = None
    late: bool | None = None


class ScoringAssignment(PartialModel):
    """An assignment of the case to a department."""

    department: Slug
    accept_by: AwareDatetime | None = None
    accepted_at: AwareDatetime | None = None
    accept_overdue_at: PresenceOnly = None
    limits: tuple[ScoringLimit, ...] = ()
    overdue_at: PresenceOnly = None
    reworks: NonNegativeInt = 0
    returned_at: PresenceOnly = None
    withdrawn_at: PresenceOnly = None


class ScoringPlace(PartialModel):
    """The parts of a place that scores have as dimensions."""

    district: Code | None = None
    street: Code | None = None


class ScoringCallback(PartialModel):
    """A callback's rating."""

    rating: Rating


class ScoringTimeLimits(PartialModel):
    """Whether an appeal against being overdue was granted."""

    exempt: bool = False


class ScoringEscalation(PartialModel):
    """The levels to which a case was raised."""

    entries: tuple[PartialModel, ...] = ()


class ScoringState(PartialModel):
    """The state of a case at one version."""

    city: Slug
    city_version: Digest
    status: Status
    source: Slug
    class_code: Code | None = None
    row_id: Code | None = None
    place: ScoringPlace
    reports: NonNegativeInt
    reported_at: Timestamp
    department: Slug | None = None
    assignments: Annotated[tuple[ScoringAssignment, ...], Field(max_length=1000)] = ()
    reopened: NonNegativeInt = 0
    called_back: tuple[ScoringCallback, ...] = ()
    rating: Rating | None = None
    raw_rating: Rating | None = None
    rated_by: PartialModel | None = None
    urged: NonNegativeInt = 0
    escalation: ScoringEscalation | None = None
    past: bool = False
    time_limits: ScoringTimeLimits | None = None
    recurrence_of: CaseId | None = None


class ScoringCaseEvent(PartialModel):
    """A step of a case."""

    type: CaseEventType
    case_id: CaseId
    version: PositiveInt
    state: ScoringState
