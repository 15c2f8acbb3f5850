"""A case as lists show it: a part of its row in the read model."""

from dataclasses import dataclass, fields
from datetime import datetime
from typing import Final

from paidan_cockpit.case_rows import NEVER


@dataclass(frozen=True, slots=True)
class CaseView:
    """A case as lists show it."""

    case_id: str
    version: int
    number: str
    city: str
    status: str
    source: str
    class_code: str | None
    row_id: str | None
    district: str | None
    street: str | None
    community: str | None
    grid: str | None
    address: str | None
    latitude: float | None
    longitude: float | None
    text: str
    confidential: bool
    department: str | None
    helpers: list[str]
    reports: int
    round: int
    hops: int
    urged: int
    awaits_call: bool
    past: bool
    reported_at: datetime
    ended_at: datetime | None
    due_kind: str | None
    due_at: datetime

    @property
    def due(self) -> datetime | None:
        """When the next running clock ends; None where none runs."""
        return self.due_at if self.due_at < NEVER else None


CASE_COLUMNS: Final = ", ".join(each.name for each in fields(CaseView))
"""The columns of ``case_row`` that a view is made of."""
