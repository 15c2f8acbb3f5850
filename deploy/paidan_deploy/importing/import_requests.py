"""Turns rows into requests: reports and actions, in order of time. Pure."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby, islice
from typing import Any, Literal

from paidan_contracts import ids
from paidan_deploy.importing.rows import ImportRow

Endpoint = Literal["reports", "actions"]


@dataclass(frozen=True, slots=True)
class ImportOptions:
    """Options of a whole import."""

    city: str
    matched_within: str | None


@dataclass(frozen=True, slots=True)
class ImportRequest:
    """One line for one of the two endpoints, and the row it came from."""

    at: datetime
    endpoint: Endpoint
    line: int
    id: str
    body: dict[str, Any]
    """An action's body names its report; the case id is added once the report's area is known."""


def plan_requests(rows: Iterable[ImportRow], options: ImportOptions) -> list[ImportRequest]:
    """Return the requests of all rows by time; at one moment reports come before actions. Stable."""
    requests = [request for row in rows for request in (_report_request(row, options), *_action_requests(row))]
    requests.sort(key=lambda request: (request.at, request.endpoint != "reports"))
    return requests


def split_batches(requests: Iterable[ImportRequest], max_size: int) -> Iterator[tuple[Endpoint, list[ImportRequest]]]:
    """Yield batches of at most ``max_size`` consecutive requests to one endpoint."""
    for endpoint, group in groupby(requests, key=lambda request: request.endpoint):
        while batch := list(islice(group, max_size)):
            yield endpoint, batch


def _report_request(row: ImportRow, options: ImportOptions) -> ImportRequest:
    body: dict[str, Any] = {
        "source": row.source,
        "source_ref": row.ref,
        "city": options.city,
        "category": row.category,
        "class_code": row.class_code,
        "condition": row.condition,
        "text": row.text,
        "occurred_at": row.reported_at.isoformat(),
        "district": row.district,
        "address": row.address,
        "position": _position_body(row),
        "past": {
            "owner": row.owner,
            "promised_by": row.promised_by and row.promised_by.isoformat(),
            "verified": row.becomes != "not_accepted",
            "matched_within": options.matched_within,
        },
    }
    filled = {name: value for name, value in body.items() if value not in (None, "")}
    return ImportRequest(row.reported_at, "reports", row.line, ids.report_id(row.source, row.ref), filled)


def _position_body(row: ImportRow) -> dict[str, Any] | None:
    if row.latitude is None or row.longitude is None:
        return None
    return {"x": row.longitude, "y": row.latitude, "crs": row.crs}


def _action_requests(row: ImportRow) -> list[ImportRequest]:
    if row.ended_at is None:
        return []
    # A record that ends before it begins is imported as it is; its actions still follow its report.
    at = max(row.ended_at, row.reported_at)
    report_id = ids.report_id(row.source, row.ref)
    return [
        ImportRequest(at, "actions", row.line, f"{row.source}:{row.ref}:{action['kind']}", {
            "id": f"{row.source}:{row.ref}:{action['kind']}",
            "of_report": report_id,
            "occurred_at": row.ended_at.isoformat(),
            "action": action,
        })
        for action in _actions(row)
    ]  # fmt: skip


def _actions(row: ImportRow) -> tuple[dict[str, Any], ...]:
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
