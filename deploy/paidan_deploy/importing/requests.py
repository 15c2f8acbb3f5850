"""Turns rows into what is sent: reports and actions, in the order of their time. Pure."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby, islice
from typing import Any, Literal

from paidan_contracts import ids

from .rows import Row

Door = Literal["reports", "actions"]


@dataclass(frozen=True, slots=True)
class Terms:
    """What holds for a whole import."""

    city: str
    matched_within: str | None


@dataclass(frozen=True, slots=True)
class Step:
    """One line for one of the two doors, and the row it came from."""

    at: datetime
    door: Door
    line: int
    id: str
    body: dict[str, Any]
    """An action's names the report it is about; its case is named once the report's area is known."""


def steps_of(rows: Iterable[Row], terms: Terms) -> list[Step]:
    """List every step of every row by time; at one moment reports come before actions, and a row's own keep order."""
    steps = [step for row in rows for step in (_report(row, terms), *_ending(row))]
    steps.sort(key=lambda step: (step.at, step.door != "reports"))
    return steps


def runs(steps: Iterable[Step], longest: int) -> Iterator[tuple[Door, list[Step]]]:
    """Cut the steps where the door changes, and into pieces of at most ``longest``."""
    for door, group in groupby(steps, key=lambda step: step.door):
        while piece := list(islice(group, longest)):
            yield door, piece


def _report(row: Row, terms: Terms) -> Step:
    body: dict[str, Any] = {
        "source": row.source,
        "source_ref": row.ref,
        "city": terms.city,
        "category": row.category,
        "class_code": row.class_code,
        "condition": row.condition,
        "text": row.text,
        "occurred_at": row.reported_at.isoformat(),
        "district": row.district,
        "address": row.address,
        "position": _position(row),
        "past": {
            "owner": row.owner,
            "promised_by": row.promised_by and row.promised_by.isoformat(),
            "verified": row.becomes != "not_accepted",
            "matched_within": terms.matched_within,
        },
    }
    said = {name: value for name, value in body.items() if value not in (None, "")}
    return Step(row.reported_at, "reports", row.line, ids.report_id(row.source, row.ref), said)


def _position(row: Row) -> dict[str, Any] | None:
    if row.latitude is None or row.longitude is None:
        return None
    return {"x": row.longitude, "y": row.latitude, "crs": row.crs}


def _ending(row: Row) -> list[Step]:
    if row.ended_at is None:
        return []
    # A record that ends before it begins is taken as it stands; its steps still come after its report.
    at = max(row.ended_at, row.reported_at)
    report = ids.report_id(row.source, row.ref)
    return [
        Step(at, "actions", row.line, f"{row.source}:{row.ref}:{action['kind']}", {
            "id": f"{row.source}:{row.ref}:{action['kind']}",
            "of_report": report,
            "occurred_at": row.ended_at.isoformat(),
            "action": action,
        })
        for action in _actions(row)
    ]  # fmt: skip


def _actions(row: Row) -> tuple[dict[str, Any], ...]:
    reason = f"recorded as {row.becomes.replace('_', ' ')}"
    match row.becomes:
        case "closed":
            return {"kind": "accept"}, {"kind": "finish"}, {"kind": "inspect", "passed": True}
        case "voided":
            return ({"kind": "void", "reason": reason},)
        case "not_accepted":
            return ({"kind": "verify", "verified": False, "reason": reason},)
        case "open":
            return ()
