"""Reads records of ``paidan.cases``. Anybody may have written them, so the answer may be why one cannot be read."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final, TypeAlias

from pydantic import ValidationError

from paidan_chassis.consumer.records import Record
from paidan_scoring.case_events import StepSeen


@dataclass(frozen=True, slots=True)
class Unreadable:
    """Why a record is no step of a case: a word for machines, and the field at fault."""

    reason: str
    field: str = ""


Reading: TypeAlias = StepSeen | Unreadable

# The relay puts these last, in this order.
_STAMPS: Final = ("ce_origin", "ce_sequence", "ce_previous")
_NUMBER: Final = re.compile(rb"[0-9]{1,19}")
_read: Final = StepSeen.model_validate_json


def read(record: Record) -> Reading:
    """Read a step; never raises, never quotes a value.

    A step under another key than its case's could come in by another partition, in another order: it is refused.
    """
    if record.value is None:
        return Unreadable("null_value")
    try:
        step = _read(record.value)
    except ValidationError as error:
        return _why(error)
    return step if record.key == step.case_id.encode() else Unreadable("invalid", "key")


def unsurpassed(records: Iterable[Record]) -> Iterator[Record]:
    """Leave out records that need not be read, because a later step of the same case is among the others.

    The relay numbers what a lane says, and a lane says a case's steps in order; so of one key from one lane the highest
    number carries the highest version. What bears no such number is always read. Reading is most of the work, and a
    case is mostly opened and dispatched in one breath.
    """
    highest: dict[tuple[bytes, bytes], tuple[int, Record]] = {}
    for record in records:
        said = _said(record)
        if said is None:
            yield record
            continue
        who, number = said
        seen = highest.get(who)
        if seen is None or seen[0] < number:
            highest[who] = number, record
    for _, record in highest.values():
        yield record


def _said(record: Record) -> tuple[tuple[bytes, bytes], int] | None:
    """Tell whose step it is, by which lane, and the number that the lane gave it."""
    if record.key is None or len(record.headers) < len(_STAMPS):
        return None
    (origin, lane), (sequence, number), (previous, _) = record.headers[-3:]
    if (origin, sequence, previous) != _STAMPS or lane is None or number is None:
        return None
    return ((record.key, lane), int(number)) if _NUMBER.fullmatch(number) else None


def _why(error: ValidationError) -> Unreadable:
    first = error.errors(include_url=False, include_context=False, include_input=False)[0]
    if first["type"] == "json_invalid":
        return Unreadable("unreadable")
    field = ".".join(str(part) for part in first["loc"])
    return Unreadable("unknown_type" if field == "type" else "invalid", field)
