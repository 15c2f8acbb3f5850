"""Rows that a batch reads and writes, as values."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, NamedTuple

from paidan_contracts.outcomes import OutcomeDecided
from paidan_dispatch.matching.candidates import Candidate


class KnownOutcome(NamedTuple):
    """The outcome of a report or an action that was decided before."""

    result: str
    digest: bytes | None
    case_id: str | None
    area: str | None = None
    sender: str | None = None
    """``kind:id`` of the actor, or ``source:id`` of the report."""
    why: str | None = None
    """The refusal, as JSON."""

    @property
    def source(self) -> str | None:
        """The source of a report; None for an action, and for what release 0.1 decided, which did not store it."""
        is_report = self.sender is not None and self.sender.startswith("source:")
        return self.sender.removeprefix("source:") if self.sender and is_report else None


class ReportRow(NamedTuple):
    """A row of ``case_report``: a report that joined a case, as the case holds it."""

    case_id: str
    number: int
    report_id: str
    source: str
    report: bytes


class NotedRow(NamedTuple):
    """A row of ``noted_report``: a report that was noted and opened no case."""

    report_id: str
    lane: int
    city: str
    area: str
    source: str
    rule: str
    city_version: str
    recorded_at: datetime
    report: bytes


class EventRow(NamedTuple):
    """A row of ``history``."""

    case_id: str
    version: int
    event: bytes
    chain: bytes


class OutcomeRow(NamedTuple):
    """An outcome, with the digest and sender that only this service stores."""

    outcome: OutcomeDecided
    digest: str | None
    sender: str | None


def candidate_of_row(row: Mapping[str, Any]) -> Candidate:
    """Return a stored case that reports may match, from its row."""
    is_open = row["ended_at"] is None
    return Candidate(
        case_id=row["case_id"],
        square=row["square"],
        area=row["area"],
        class_code=row["class_code"],
        matched_within=row["matched_within"],
        past=row["past"],
        channel=row["channel"],
        latitude=row["latitude"],
        longitude=row["longitude"],
        reported_at=row["reported_at"],
        closed_at=row["ended_at"],
        recurs_until=None if is_open else row["recurs_until"],
    )
