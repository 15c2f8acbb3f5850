"""Decodes records of ``paidan.cases``, which anybody may have written, and selects those that need decoding."""

import re
from collections.abc import Iterable, Iterator
from typing import Final, TypeAlias

from paidan_chassis.consumer.batch import Record
from paidan_chassis.kafka.cloudevents import DecodeError, decode
from paidan_scoring.case_events import ScoringCaseEvent

DecodeResult: TypeAlias = ScoringCaseEvent | DecodeError

# The relay puts these last, in this order.
_RELAY_HEADERS: Final = ("ce_origin", "ce_sequence", "ce_previous")
_SEQUENCE: Final = re.compile(rb"[0-9]{1,19}")
_validate: Final = ScoringCaseEvent.model_validate_json


def decode_step(record: Record) -> DecodeResult:
    """Return a step of a case, or why the record is none.

    A step under another key than its case's could come in by another partition, in another order: it is refused.
    """
    event = decode(_validate, record.value)
    if isinstance(event, DecodeError) or record.key == event.case_id.encode():
        return event
    return DecodeError("invalid_field", "key", "not the case's")


def dead_letter_reason(error: DecodeError) -> tuple[str, str]:
    """Return the code and the field under which scoring dead-letters a record."""
    if error.reason != "invalid_field":
        return error.reason, ""
    return "unknown_type" if error.field == "type" else error.reason, error.field or ""


def latest_per_case(records: Iterable[Record]) -> Iterator[Record]:
    """Yield the records that need decoding: of each case the last step, as far as the relay's numbers tell.

    A lane emits a case's steps in order and the relay numbers them, so of one key from one lane the highest number
    carries the highest version. Records without such numbers are all yielded. Decoding is most of the work.
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
    """Return case and lane of a relayed record, and its number there; None for a record without them."""
    if record.key is None or len(record.headers) < len(_RELAY_HEADERS):
        return None
    (origin, lane), (sequence, number), (previous, _) = record.headers[-3:]
    if (origin, sequence, previous) != _RELAY_HEADERS or lane is None or number is None:
        return None
    return ((record.key, lane), int(number)) if _SEQUENCE.fullmatch(number) else None
