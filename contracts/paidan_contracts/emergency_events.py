"""Case events by which an emergency or an event changes a limit that runs."""

from typing import Literal

from pydantic import Field

from paidan_contracts.case_event import CaseEvent
from paidan_contracts.wire import AnyTimerKind, Code, Id, Slug, Text, Timestamp


class CaseReclocked(CaseEvent):
    """应急响应、重大活动保障: the running limit ends earlier by a declaration, or gets back its former end after it."""

    type: Literal["case.reclocked.v1"] = "case.reclocked.v1"
    department: Slug
    clock: AnyTimerKind = Field(default="handle", description="Which limit: accept or handle.")
    declaration_id: Id
    plan: Code
    level: Code
    due_before: Timestamp
    due_at: Timestamp
    restored: bool = Field(default=False, description="The declaration has ended, and the former end holds again.")
    reason: Text = ""
