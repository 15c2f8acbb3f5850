"""Reads records of ``paidan.cases``. Anybody may have written them, so the answer may be why one cannot be read."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final, TypeAlias

from pydantic import ValidationError

from paidan_chassis.consumer.batch import Record
from paidan_scoring.case_events import PartialCaseEvent


@dataclass(frozen=True, slots=True)
class DecodeError:
    """Why a record is no step of a case: a word for machines, and the field at fault."""

    reason: str
    field: str = ""


DecodeResult: TypeAlias = PartialCaseEvent | DecodeError

# The relay puts these last, in this order.
_RELAY_HEADERS: Final = ("ce_origin", "ce_sequence", "ce_previous")
_SEQUENCE: Final = re.compile(rb"[0-9]{1,19}")
_validate: Final = PartialCaseEvent.model_validate_json


def decode(record: Record) -> DecodeResult:
    """Read a step; never raises, never quotes a value.

    A step under another key than its case's could come in by another partition, in another order: it is refused.
    """
    if record.value is None:
        return DecodeError("null_value")
    try:
        event = _validate(record.value)
    except ValidationError as error:
        return _from_validation_error(error)
    return event if record.key == event.case_id.encode() else DecodeError("invalid", "key")


def latest_per_case(records: Iterable[Record]) -> Iterator[Record]:
    """Leave out records that need not be read, because a later step of the same case is among the others.

    The relay numbers what a lane says, and a lane says a case's steps in order; so of one key from one lane the highest
    number carries the highest version. What bears no such number is always read. Reading is most of the work, and a
    case is mostly opened and dispatched in one breath.
    """
    highest: dict[tuple[bytes, bytes], tuple[int, Record]] = {}
    for record in records:
        relay_position = _relay_position_of(record)
        if relay_position is None:
            yield record
            continue
        case_key, sequence = relay_position
        previous = highest.get(case_key)
        if previous is None or previous[0] < sequence:
            highest[case_key] = sequence, record
    for _, record in highest.values():
        yield record


def _relay_position_of(record: Record) -> tuple[tuple[bytes, bytes], int] | None:
    """Tell whose step it is, by which lane, and the number that the lane gave it."""
    if record.key is None or len(record.headers) < len(_RELAY_HEADERS):
        return None
    (origin, lane), (sequence, number), (previous, _) = record.headers[-3:]
    if (origin, sequence, previous) != _RELAY_HEADERS or lane is None or number is None:
        return None
    return ((record.key, lane), int(number)) if _SEQUENCE.fullmatch(number) else None


def _from_validation_error(error: ValidationError) -> DecodeError:
    first = error.errors(include_url=False, include_context=False, include_input=False)[0]
    if first["type"] == "json_invalid":
        return DecodeError("unreadable")
    field = ".".join(str(part) for part in first["loc"])
    return DecodeError("unknown_type" if field == "type" else "invalid", field)
