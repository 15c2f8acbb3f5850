"""Compares a record of a later export with the case that an earlier one opened. Pure."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from paidan_contracts.city.city import City
from paidan_contracts.pii_mask import mask
from paidan_contracts.state import CaseState
from paidan_deploy.importing.rows import ImportRow

AMENDABLE: Final = frozenset({"occurred_at", "promised_by", "closed_at", "class", "text", "owner"})
"""Fields that ``--amend`` corrects; others are listed alone."""
_ENDED: Final = ("closed", "voided", "not_accepted")
_MAX_SHOWN: Final = 200


@dataclass(frozen=True, slots=True)
class Difference:
    """A field in which a record differs from its case."""

    line: int
    field: str
    was: str
    is_: str


def compare(row: ImportRow, state: CaseState, city: City) -> Iterator[Difference]:
    """Yield every field that the record states otherwise than the case; what it does not state is no difference."""
    if state.occurred_at != row.reported_at:
        yield _difference(row, "occurred_at", state.occurred_at, row.reported_at)
    if state.promised_by != row.promised_by:
        yield _difference(row, "promised_by", state.promised_by, row.promised_by)
    if state.status in _ENDED and state.status != row.becomes:
        yield _difference(row, "status", state.status, row.becomes)
    elif state.status == "closed" and state.closed_at != row.ended_at:
        yield _difference(row, "closed_at", state.closed_at, row.ended_at)
    if (row_id := stated_row(row, city)) and row_id != state.row_id and row.class_code:
        yield _difference(row, "class", state.row_id or state.class_code, row_id)
    if row.owner is not None and row.owner != state.department:
        yield _difference(row, "owner", state.department, row.owner)
    if row.district is not None and row.district != state.place.district:
        yield _difference(row, "district", state.place.district, row.district)
    yield from _compare_words(row, state)
    yield from _compare_position(row, state)


def _compare_words(row: ImportRow, state: CaseState) -> Iterator[Difference]:
    # What is published was masked; the file's own words are compared in the same form.
    for field, was, is_ in (("text", state.text, row.text), ("address", state.place.address or "", row.address or "")):
        if was not in (is_, mask(is_).text):
            yield _difference(row, field, was, mask(is_).text)


def _compare_position(row: ImportRow, state: CaseState) -> Iterator[Difference]:
    raw = state.place.raw
    was = None if raw is None else (raw.y, raw.x)
    is_ = None if row.latitude is None or row.longitude is None else (row.latitude, row.longitude)
    if was != is_:
        yield _difference(row, "position", was, is_)


def stated_row(row: ImportRow, city: City) -> str | None:
    """Return the catalogue row that a record means: of its condition, else the default of its class."""
    if row.class_code is None:
        return None
    if row.condition is not None:
        return f"{row.class_code}-{row.condition}"
    default = city.default_rows.get(row.class_code)
    return default.id if default else None


def amendment(row: ImportRow, fields: frozenset[str], city: City, reason: str) -> dict[str, Any] | None:
    """Return the action that corrects these fields of the case; None when none of them can be."""
    values: dict[str, Any] = {
        "occurred_at": _iso(row.reported_at),
        "promised_by": _iso(row.promised_by),
        "closed_at": _iso(row.ended_at),
        "row_id": stated_row(row, city),
        "text": row.text,
        "department": row.owner,
    }
    names = {"class": "row_id", "owner": "department"}
    changes = {names.get(field, field): values[names.get(field, field)] for field in sorted(fields & AMENDABLE)}
    changes = {name: value for name, value in changes.items() if value is not None}
    return {"kind": "amend", **changes, "reason": reason} if changes else None


def _difference(row: ImportRow, field: str, was: object, is_: object) -> Difference:
    return Difference(row.line, field, _shown(was), _shown(is_))


def _shown(value: object) -> str:
    if value is None:
        return ""
    text = value.isoformat() if isinstance(value, datetime) else str(value)
    return text[:_MAX_SHOWN]


def _iso(moment: datetime | None) -> str | None:
    return None if moment is None else moment.isoformat()
