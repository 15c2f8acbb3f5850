"""Decoding of the records that intake consumes."""

import hashlib
import json
import re
from codecs import BOM_UTF8
from dataclasses import dataclass
from functools import partial
from typing import Final, TypeVar

from pydantic import BaseModel

from paidan_chassis.consumer.batch import Batch, Record
from paidan_chassis.edge.middleware import parse_body
from paidan_chassis.edge.problems import Problem
from paidan_chassis.json_bodies import DUPLICATE_KEY, read_json
from paidan_chassis.kafka import cloudevents
from paidan_chassis.kafka.cloudevents import DecodeError
from paidan_contracts import lenient
from paidan_contracts.outcomes import Refusal
from paidan_intake.alarm_input import AlarmRecord

ModelT = TypeVar("ModelT", bound=BaseModel)
_SLUG: Final = re.compile(r"[a-z0-9][a-z0-9_-]{0,62}")
_read_alarm: Final = partial(read_json, AlarmRecord)
_MAX_REF: Final = 200


def decode(batch: Batch, record: Record, model: type[ModelT]) -> ModelT | None:
    """Return the event of a record, or dead-letter the record with the fields at fault and return None."""
    return _unless_invalid(batch, record, cloudevents.decode(model.model_validate_json, record.value))


def _unless_invalid(batch: Batch, record: Record, decoded: ModelT | DecodeError) -> ModelT | None:
    if isinstance(decoded, DecodeError):
        batch.dead_letter(record, decoded.reason, "; ".join(decoded.faults)[:1000])
        return None
    return decoded


@dataclass(frozen=True, slots=True)
class InvalidAlarm:
    """An alarm with an invalid field whose sender can be told so: why, in the words of the HTTP route."""

    refusal: Refusal
    source: str
    alarm_ref: str | None
    digest: str


def decode_alarm(batch: Batch, record: Record) -> AlarmRecord | InvalidAlarm | None:
    """Return the alarm of a record, or why it is refused; dead-letter one that names no source and return None."""
    try:
        return parse_body(AlarmRecord, record.value or b"")
    except Problem as problem:
        sender = _read_sender(record.value or b"")
        if sender is None:
            return _unless_invalid(batch, record, cloudevents.decode(_read_alarm, record.value))
        refusal = Refusal(
            code=DUPLICATE_KEY if problem.code == DUPLICATE_KEY else "invalid_field",
            field=problem.field[:_MAX_REF] if problem.field else None,
            message=problem.message,
            message_zh=problem.message_zh,
        )
        return InvalidAlarm(refusal, *sender, digest=hashlib.sha256(record.value or b"").hexdigest())


def _read_sender(value: bytes) -> tuple[str, str | None] | None:
    """Return the source of an invalid alarm and its own id, where it has one; None where it names no source."""
    try:
        fields = json.loads(value.removeprefix(BOM_UTF8))
    except (ValueError, RecursionError):
        return None
    source = fields.get("source") if isinstance(fields, dict) else None
    if not isinstance(source, str) or not _SLUG.fullmatch(source):
        return None
    ref = lenient.optional_text(fields.get("alarm_ref"))
    is_ref = isinstance(ref, str) and len(ref) <= _MAX_REF and _is_storable(ref)
    return source, ref if is_ref else None


def _is_storable(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return "\0" not in text
