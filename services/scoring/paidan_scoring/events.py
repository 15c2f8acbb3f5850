"""What scoring reads of a case event: only the fields that a fact is made of. Everything else may change unseen."""

from typing import Annotated

from pydantic import ConfigDict, Field, StringConstraints

from paidan_contracts.actions import Rating
from paidan_contracts.state import Status
from paidan_contracts.wire import CaseId, Code, Count, Digest, Moment, Said, Slug, Version

StepType = Annotated[str, StringConstraints(pattern=r"^case\.[a-z_]+\.v1$")]
"""Any first-version step. All of them carry the whole state, so a step that is newer than this code counts as well."""


class Slim(Said):
    """A part of a case event. Half the fields of the whole model cost half the time: 8 us an event, not 16."""

    model_config = ConfigDict(frozen=True, extra="ignore")


class LimitSeen(Slim):
    """One handling limit of an assignment."""

    due_at: Moment | None = None
    finished_at: Moment | None = None
    late: bool | None = None


class AssignmentSeen(Slim):
    """One department's turn."""

    department: Slug
    accept_by: Moment | None = None
    accepted_at: Moment | None = None
    accept_overdue_at: Moment | None = None
    limits: tuple[LimitSeen, ...] = ()
    overdue_at: Moment | None = None
    reworks: Count = 0
    returned_at: Moment | None = None
    withdrawn_at: Moment | None = None


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
