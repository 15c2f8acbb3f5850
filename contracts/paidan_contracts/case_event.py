"""What every case event has: its case, version, cause, and the whole state."""

from typing import Literal

from pydantic import Field

from paidan_contracts.actions import Actor
from paidan_contracts.state import CaseState
from paidan_contracts.wire import (
    CaseId,
    Id,
    PositiveInt,
    Timestamp,
    WireModel,
)


class Cause(WireModel):
    """The record of the inbox that caused an event."""

    kind: Literal["report", "action", "timer"]
    id: Id


class CaseEvent(WireModel):
    """Base of case events. Published by dispatch. Read by scoring, intake, monitoring, anyone. Key: ``case_id``."""

    case_id: CaseId
    version: PositiveInt
    cause: Cause
    actor: Actor | None = Field(default=None, description="None: no person acted, but a rule.")
    occurred_at: Timestamp
    recorded_at: Timestamp
    state: CaseState
