"""A case as lists show it: its row in the read model, but for what is stored to find it by."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final, Self

from paidan_cockpit.case_rows import NEVER, ReadModelRow

_UNREAD: Final[Mapping[str, Any]] = {"more_text": "", "text_digest": 0}
"""Columns that no page reads, and what stands in their place."""
SUMMARY_COLUMNS: Final = tuple(name for name in ReadModelRow._fields if name not in _UNREAD)
CASE_COLUMNS: Final = ", ".join(SUMMARY_COLUMNS)
"""The columns of ``case_row`` that a summary is made of."""


class CaseSummary(ReadModelRow):
    """A case as lists show it."""

    __slots__ = ()

    @classmethod
    def of(cls, row: Mapping[str, Any]) -> Self:
        """Return the summary of a row with these columns."""
        return cls(**row, **_UNREAD)

    @property
    def due(self) -> datetime | None:
        """When the next running clock ends; None where none runs."""
        return self.due_at if self.due_at < NEVER else None
