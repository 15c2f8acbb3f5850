"""What scoring reads of a case event: only the fields that a fact is made of. Everything else may change unseen."""

from typing import Annotated

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, StringConstraints

from paidan_contracts.actions import Rating
from paidan_contracts.state import Status
from paidan_contracts.wire import CaseId, Code, Count, Digest, Moment, Slug, Version

StepType = Annotated[str, StringConstraints(pattern=r"^case\.[a-z_]+\.v1$")]
"""Any first-version step. All of them carry the whole state, so a step that is newer than this code counts as well."""


Happened = str | None
"""A time of which only matters that there is one. Reading it as a time would cost more than all the rest."""


class Slim(BaseModel):
    """A part of a case event. It is read in half the time that the whole model takes."""

    model_config = ConfigDict(extra="ignore")


class LimitSeen(Slim):
    """One handling limit of an assignment."""

    due_at: Happened = None
    finished_at: Happened = None
    late: bool | None = None


class AssignmentSeen(Slim):
    """One department's turn."""

    department: Slug
    accept_by: AwareDatetime | None = None
    accepted_at: AwareDatetime | None = None
    accept_overdue_at: Happened = None
    limits: tuple[LimitSeen, ...] = ()
    overdue_at: Happened = None
    reworks: Count = 0
    returned_at: Happened = None
    withdrawn_at: Happened = None


class PlaceSeen(Slim):
    """Where, as far as scores tell places apart."""

    district: Code | None = None
    street: Code | None = None


class CallBackSeen(Slim):
    """What the resident said."""

    rating: Rating


class StateSeen(Slim):
    """The state of a case at one version, as far as it is counted."""

    city: Slug
    city_version: Digest
    status: Status
    source: Slug
    class_code: Code | None = None
    row_id: Code | None = None
    place: PlaceSeen
    reports: Count
    reported_at: Moment
    department: Slug | None = None
    assignments: Annotated[tuple[AssignmentSeen, ...], Field(max_length=1000)] = ()
    reopened: Count = 0
    called_back: tuple[CallBackSeen, ...] = ()
    urged: Count = 0
    past: bool = False
    recurrence_of: CaseId | None = None


class StepSeen(Slim):
    """One step of a case."""

    type: StepType
    case_id: CaseId
    version: Version
    state: StateSeen
