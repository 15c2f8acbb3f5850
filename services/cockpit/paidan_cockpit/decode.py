"""Decodes records of the logs, which anybody may have written, and selects those that need decoding."""

import re
from collections.abc import Iterable, Iterator
from typing import Final, TypeAlias

from paidan_chassis.consumer.batch import Record
from paidan_chassis.kafka.cloudevents import DecodeError, decode
from paidan_cockpit.case_events import CockpitCaseEvent
from paidan_contracts.checks import CONSERVATION, ConservationChecked

DecodedStep: TypeAlias = CockpitCaseEvent | DecodeError

# The relay puts these last, in this order.
_RELAY_HEADERS: Final = ("ce_origin", "ce_sequence", "ce_previous")
_MERGER: Final = ("ce_type", b"case.merged.v1")
_SEQUENCE: Final = re.compile(rb"[0-9]{1,19}")
_validate: Final = CockpitCaseEvent.model_validate_json


def decode_step(record: Record) -> DecodedStep:
    """Return a step of a case, or why the record is none: a step under another key than its case's is refused."""
    event = decode(_validate, record.value)
    if isinstance(event, DecodeError) or record.key == event.case_id.encode():
        return event
    return DecodeError("invalid_field", "key", "not the case's")


def decode_check(record: Record) -> ConservationChecked | DecodeError:
    """Return the result of a conservation check, or why the record is none."""
    event = decode(ConservationChecked.model_validate_json, record.value)
    if isinstance(event, DecodeError) or record.key == CONSERVATION.encode():
        return event
    return DecodeError("invalid_field", "key", "not the check's")


def dead_letter_reason(error: DecodeError) -> tuple[str, str]:
    """Return the code and the field under which a record is dead-lettered."""
    if error.reason != "invalid_field":
        return error.reason, ""
    return "unknown_type" if error.field == "type" else error.reason, error.field or ""


def latest_per_case(records: Iterable[Record]) -> Iterator[Record]:
    """Yield of each case the last step, as far as the relay's numbers tell, and every merger.

    A lane emits a case's steps in order and the relay numbers them, so of one key from one lane the highest number
    carries the highest version. A merger alone tells of its report. Records without numbers are all yielded.
    """
    highest: dict[tuple[bytes, bytes], tuple[int, Record]] = {}
    for record in records:
        position = _relay_position_of(record)
        if position is None or _MERGER in record.headers:
            yield record
            continue
        case_key, sequence = position
        previous = highest.get(case_key)
        if previous is None or previous[0] < sequence:
            highest[case_key] = sequence, record
    yield from (record for _, record in highest.values())


def _relay_position_of(record: Record) -> tuple[tuple[bytes, bytes], int] | None:
    if record.key is None or len(record.headers) < len(_RELAY_HEADERS):
        return None
    (origin, lane), (sequence, number), (previous, _) = record.headers[-3:]
    if (origin, sequence, previous) != _RELAY_HEADERS or lane is None or number is None:
        return None
    return ((record.key, lane), int(number)) if _SEQUENCE.fullmatch(number) else None
