"""What the figures of the Los Angeles records must be, from the file alone, with only the standard library."""

import csv
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

Record = dict[str, str]
COUNTS = ("cases", "voided", "not_accepted", "handled", "open", "on_time", "late", "no_limit")


@dataclass
class Figures:
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
        had_one = self.on_time + self.late
        return {
            "handling": _rate(self.handled, self.cases),
            "on_time": _rate(self.on_time, had_one),
            "closing": _rate(self.handled, self.cases),
            "satisfaction": _rate(0, 0),
        }


def _rate(numerator: int, denominator: int) -> dict[str, float | int | None]:
    value = numerator / denominator if denominator else None
    return {"numerator": numerator, "denominator": denominator, "value": value}


def records(path: Path) -> list[Record]:
    """Read the file."""
    with path.open(encoding="utf-8-sig", newline="") as lines:
        return list(csv.DictReader(lines))


def time_of(text: str) -> datetime | None:
    """Read a time; the file has no zone, and neither has the comparison."""
    return datetime.strptime(text, "%m/%d/%y %H:%M") if text else None  # noqa: DTZ007  # local time against local time


def figures(found: list[Record], month: str, key: Callable[[Record], str]) -> dict[str, Figures]:
    """Count one month by a key: a case belongs to the month in which it was reported, local time."""
    rows: dict[str, Figures] = defaultdict(Figures)
    for record in _of_month(found, month):
        row = rows[key(record)]
        match record["status"]:
            case "Cancelled":
                row.voided += 1
            case "Referred Out":
                row.not_accepted += 1
            case _:
                _count(row, record)
    return dict(rows)


def _of_month(found: list[Record], month: str) -> Iterator[Record]:
    for record in found:
        reported = time_of(record["createddate"])
        if reported is not None and f"{reported:%Y-%m}" == month:
            yield record


def _count(row: Figures, record: Record) -> None:
    row.cases += 1
    closed = time_of(record["closeddate"]) if record["status"] == "Closed" else None
    promised = time_of(record["servicedate"])
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
