"""What is read of a file: its records, and what there was to say about them."""

from dataclasses import dataclass
from datetime import datetime

from paidan_contracts.city.import_mappings import MappedStatus


@dataclass(frozen=True, slots=True)
class RowWarning:
    """Something about a row that a person should see; the row was taken as far as it holds."""

    line: int
    column: str
    problem: str
    value: str = ""


@dataclass(frozen=True, slots=True)
class ImportRow:
    """One record, read: a report and what became of it. Times carry their zone."""

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
    """What a pack knows, so far as a file can name it."""

    classes: frozenset[str]
    departments: frozenset[str]
    districts: frozenset[str]
