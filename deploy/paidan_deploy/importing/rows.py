"""Parsed records of a file, and warnings about them."""

from dataclasses import dataclass
from datetime import datetime

from paidan_contracts.city.import_mappings import MappedStatus


@dataclass(frozen=True, slots=True)
class RowWarning:
    """A problem in a row; the rest of the row is imported."""

    line: int
    column: str
    problem: str
    value: str = ""


@dataclass(frozen=True, slots=True)
class ImportRow:
    """One parsed record: a report and how it ended. Times have a zone."""

    line: int
    ref: str
    reported_at: datetime
    source: str
    category: str
    class_code: str | None
    condition: str | None
    owner: str | None
    promised_by: datetime | None
    latitude: float | None
    longitude: float | None
    crs: str
    district: str | None
    address: str | None
    text: str
    becomes: MappedStatus
    ended_at: datetime | None


@dataclass(frozen=True, slots=True)
class KnownCodes:
    """The codes of a city pack that a file may contain."""

    classes: frozenset[str]
    departments: frozenset[str]
    districts: frozenset[str]
