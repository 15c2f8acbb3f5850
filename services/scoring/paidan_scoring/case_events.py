"""What scoring reads of a case event: only the fields that a fact is made of. Everything else may change unseen."""

from typing import Annotated

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, StringConstraints

from paidan_contracts.actions import Rating
from paidan_contracts.state import Status
from paidan_contracts.wire import CaseId, Code, Digest, NonNegativeInt, PositiveInt, Slug, Timestamp

CaseEventType = Annotated[str, StringConstraints(pattern=r"^case\.[a-z_]+\.v1$")]
"""Any first-version step. All of them carry the whole state, so a step that is newer than this code counts as well."""


PresenceOnly = str | None
"""A time of which only matters that there is one. Reading it as a time would cost more than all the rest."""


class PartialModel(BaseModel):
    """A part of a case event. It is read in half the time that the whole model takes."""

    model_config = ConfigDict(extra="ignore")


class PartialLimit(PartialModel):
    """One handling limit of an assignment."""

    due_at: PresenceOnly = None
    finished_at: PresenceOnly = None
    late: bool | None = None


class PartialAssignment(PartialModel):
    """One department's turn."""

    department: Slug
    accept_by: AwareDatetime | None = None
    accepted_at: AwareDatetime | None = None
    accept_overdue_at: PresenceOnly = None
    limits: tuple[PartialLimit, ...] = ()
    overdue_at: PresenceOnly = None
    reworks: NonNegativeInt = 0
    returned_at: PresenceOnly = None
    withdrawn_at: PresenceOnly = None


class PartialPlace(PartialModel):
    """Where, as far as scores tell places apart."""

    district: Code | None = None
    street: Code | None = None


class PartialCallback(PartialModel):
    """What the resident said."""

    rating: Rating


class PartialState(PartialModel):
    """The state of a case at one version, as far as it is counted."""

    city: Slug
    city_version: Digest
    status: Status
    source: Slug
    class_code: Code | None = None
    row_id: Code | None = None
    place: PartialPlace
    reports: NonNegativeInt
    reported_at: Timestamp
    department: Slug | None = None
    assignments: Annotated[tuple[PartialAssignment, ...], Field(max_length=1000)] = ()
    reopened: NonNegativeInt = 0
    called_back: tuple[PartialCallback, ...] = ()
    urged: NonNegativeInt = 0
    past: bool = False
    recurrence_of: CaseId | None = None


class PartialCaseEvent(PartialModel):
    """One step of a case."""

    type: CaseEventType
    case_id: CaseId
    version: PositiveInt
    state: PartialState
