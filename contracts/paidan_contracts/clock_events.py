"""Case events of time limits that pass, or soon will."""

from typing import Literal

from pydantic import Field

from paidan_contracts.case_event import CaseEvent
from paidan_contracts.wire import AnyTimerKind, Slug, Timestamp


class CaseOverdue(CaseEvent):
    """A time limit of the case has passed."""

    type: Literal["case.overdue.v1"] = "case.overdue.v1"
    department: Slug
    clock: AnyTimerKind
    due_at: Timestamp


class CaseClockOverdue(CaseEvent):
    """A time limit has passed that no department of the case answers for: dispatching, verifying, calling back..."""

    type: Literal["case.clock_overdue.v1"] = "case.clock_overdue.v1"
    clock: AnyTimerKind
    due_at: Timestamp


class CaseClockWarned(CaseEvent):
    """A time limit will pass soon: the share of it that the city's pack names is over."""

    type: Literal["case.clock_warned.v1"] = "case.clock_warned.v1"
    clock: AnyTimerKind
    due_at: Timestamp
    department: Slug | None = Field(default=None, description="The department that answers for the limit, if one does.")
