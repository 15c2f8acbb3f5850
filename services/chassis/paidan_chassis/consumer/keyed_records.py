"""Decodes records that are keyed by what they are about, and selects those that carry its newest state."""

import re
from collections.abc import Callable, Iterable, Iterator
from typing import Final, Generic, TypeVar

from pydantic import BaseModel

from paidan_chassis.consumer.batch import Record
from paidan_chassis.kafka.cloudevents import DecodeError, decode

EventT = TypeVar("EventT", bound=BaseModel)

# The relay puts these last, in this order.
_RELAY_HEADERS: Final = ("ce_origin", "ce_sequence", "ce_previous")
_SEQUENCE: Final = re.compile(rb"[0-9]{1,19}")


class EventDecoder(Generic[EventT]):
    """Decodes a kind of event, and refuses one under another key than ``key_of`` returns.

    Such a record could have come in by another partition, in another order.
    """

    def __init__(self, model: type[EventT], *, key_of: Callable[[EventT], str]) -> None:
        self._validate = model.model_validate_json
        self._key_of = key_of

    def __call__(self, record: Record) -> EventT | DecodeError:
        """Return the event of a record, or why it is none."""
        event = decode(self._validate, record.value)
        if isinstance(event, DecodeError) or record.key == self._key_of(event).encode():
            return event
        return DecodeError("invalid_field", "key", "not the event's")


def dead_letter_reason(error: DecodeError) -> tuple[str, str]:
    """Return the code and the field under which a record that cannot be decoded is dead-lettered."""
    if error.reason != "invalid_field":
        return error.reason, ""
    return "unknown_type" if error.field == "type" else error.reason, error.field or ""


def latest_per_key(records: Iterable[Record], *, kept: tuple[str, bytes] | None = None) -> Iterator[Record]:
    """Yield the records that need decoding where each carries its key's whole state: of each key the last one.

    A lane emits the records of a key in order and the relay numbers them, so of one key from one lane the highest
    number carries the newest state. Records without numbers are all yielded, as are those with the header ``kept``.
    """
    highest: dict[tuple[bytes, bytes], tuple[int, Record]] = {}
    for record in records:
        relayed = _relayed_as(record)
        if relayed is None or (kept is not None and kept in record.headers):
            yield record
            continue
        key_and_lane, sequence = relayed
        previous = highest.get(key_and_lane)
        if previous is None or previous[0] < sequence:
            highest[key_and_lane] = sequence, record
    for _, record in highest.values():
        yield record


def _relayed_as(record: Record) -> tuple[tuple[bytes, bytes], int] | None:
    """Return key and lane of a relayed record, and its number there; None for a record without them."""
    if record.key is None or len(record.headers) < len(_RELAY_HEADERS):
        return None
    (origin, lane), (sequence, number), (previous, _) = record.headers[-3:]
    if (origin, sequence, previous) != _RELAY_HEADERS or lane is None or number is None:
        return None
    return ((record.key, lane), int(number)) if _SEQUENCE.fullmatch(number) else None
