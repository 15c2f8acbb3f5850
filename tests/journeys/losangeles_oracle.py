"""Expected figures of the Los Angeles records, counted from the file with the standard library alone."""

import csv
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

RecordRow = dict[str, str]
COUNTS = ("cases", "voided", "not_accepted", "handled", "open", "on_time", "late", "no_limit")


@dataclass
class ExpectedCounts:
    """The counts of one key; rates are fractions of them."""

    cases: int = 0
    voided: int = 0
    not_accepted: int = 0
    handled: int = 0
    open: int = 0
    on_time: int = 0
    late: int = 0
    no_limit: int = 0

    def counts(self) -> dict[str, int]:
        return {name: getattr(self, name) for name in COUNTS}

    def rates(self) -> dict[str, dict[str, float | int | None]]:
        with_limit = self.on_time + self.late
        return {
            "handling": _rate(self.handled, self.cases),
            "on_time": _rate(self.on_time, with_limit),
            "closing": _rate(self.handled, self.cases),
            "satisfaction": _rate(0, 0),
        }


def _rate(numerator: int, denominator: int) -> dict[str, float | int | None]:
    value = numerator / denominator if denominator else None
    return {"numerator": numerator, "denominator": denominator, "value": value}


def read_records(path: Path) -> list[RecordRow]:
    """Return the records of the file."""
    with path.open(encoding="utf-8-sig", newline="") as lines:
        return list(csv.DictReader(lines))


def parse_time(text: str) -> datetime | None:
    """Parse a local time; neither the file nor the comparison has a zone."""
    return datetime.strptime(text, "%m/%d/%y %H:%M") if text else None  # noqa: DTZ007  # local time against local time


def expected_counts(
    records_read: list[RecordRow], month: str, key: Callable[[RecordRow], str]
) -> dict[str, ExpectedCounts]:
    """Count one month by a key: a case belongs to the month in which it was reported, local time."""
    rows: dict[str, ExpectedCounts] = defaultdict(ExpectedCounts)
    for record in _records_of_month(records_read, month):
        row = rows[key(record)]
        match record["status"]:
            case "Cancelled":
                row.voided += 1
            case "Referred Out":
                row.not_accepted += 1
            case _:
                _count(row, record)
    return dict(rows)


def _records_of_month(records_read: list[RecordRow], month: str) -> Iterator[RecordRow]:
    for record in records_read:
        reported = parse_time(record["createddate"])
        if reported is not None and f"{reported:%Y-%m}" == month:
            yield record


def _count(row: ExpectedCounts, record: RecordRow) -> None:
    row.cases += 1
    closed = parse_time(record["closeddate"]) if record["status"] == "Closed" else None
    promised = parse_time(record["servicedate"])
    if closed is None:
        row.open += 1
        return
    row.handled += 1
    if promised is None:
        row.no_limit += 1
    elif closed < promised.replace(hour=0, minute=0) + timedelta(days=1):
        row.on_time += 1
    else:
        row.late += 1
