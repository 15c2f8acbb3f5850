"""Decoding of the records that intake consumes."""

from typing import TypeVar

from pydantic import BaseModel

from paidan_chassis.consumer.batch import Batch, Record
from paidan_chassis.kafka import cloudevents
from paidan_chassis.kafka.cloudevents import DecodeError

ModelT = TypeVar("ModelT", bound=BaseModel)


def decode(batch: Batch, record: Record, model: type[ModelT]) -> ModelT | None:
    """Return the event of a record, or dead-letter the record with the fields at fault and return None."""
    decoded = cloudevents.decode(model.model_validate_json, record.value)
    if isinstance(decoded, DecodeError):
        reason = "null_value" if decoded.reason == "null_value" else "unreadable"
        batch.dead_letter(record, reason, "; ".join(decoded.faults)[:1000])
        return None
    return decoded
