"""The messages that announce dead letters by reference, without any of their content."""

import json
from collections.abc import Sequence
from typing import Final

from paidan_chassis.consumer.batch import DeadLetter, Record
from paidan_chassis.consumer.dead_letters import dead_letter_id
from paidan_chassis.kafka.cloudevents import encode_headers, format_rfc3339, source_of
from paidan_chassis.kafka.cluster import DEAD_LETTERS
from paidan_chassis.kafka.message import Message

_EVENT_TYPE: Final = "record.buried.v1"


def announcements(consumer: str, dead_letters: Sequence[DeadLetter]) -> list[tuple[Record, Message]]:
    """Return a message for each dead letter, with its cause."""
    return [(each.record, _announcement(consumer, each)) for each in dead_letters]


def _announcement(consumer: str, dead_letter: DeadLetter) -> Message:
    """Return the message that announces a dead letter without its content."""
    record, reason, detail = dead_letter
    letter_id = str(dead_letter_id(consumer, record))
    body = {
        "type": _EVENT_TYPE,
        "letter_id": letter_id,
        "service": consumer,
        "topic": record.topic,
        "partition": record.partition,
        "offset": record.offset,
        "reason": reason,
        "detail": detail,
        "attempts": 1,
        "buried_at": format_rfc3339(record.appended_at),
    }
    headers = encode_headers(letter_id, source_of(consumer), _EVENT_TYPE, record.appended_at, str(record.lane))
    value = json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode(errors="replace")
    return Message(DEAD_LETTERS, str(record.lane), value, headers)
