"""Outcomes of reports that open no case and join none: noted ones, and alarms that were suppressed."""

import re
from datetime import datetime
from typing import Final, Literal, NamedTuple, TypeAlias

from pydantic import BaseModel, ConfigDict

from paidan_chassis.consumer.batch import Record
from paidan_chassis.kafka.cloudevents import DecodeError, decode
from paidan_cockpit.case_rows import CountedReport
from paidan_contracts import ids
from paidan_contracts.wire import Area, Code, Id, Slug, Timestamp

# Nearly all outcomes are of reports that a case tells of: those are not decoded.
_COUNTED: Final = re.compile(rb'"result"\s*:\s*"(?:suppressed|noted)"')


class SuppressedAlarm(NamedTuple):
    """An alarm that became no report, and why."""

    alarm_id: str
    city: str
    source: str
    reason: str
    recorded_at: datetime


CountedOutcome: TypeAlias = SuppressedAlarm | CountedReport


class _Why(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True)

    code: Code


class _Outcome(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True)

    id: Id
    result: Literal["suppressed", "noted"]
    why: _Why | None = None
    area: Area | None = None
    source: Slug | None = None
    recorded_at: Timestamp | None = None


def decode_outcome(record: Record) -> CountedOutcome | DecodeError | None:
    """Return what an outcome adds to the counts, or why it cannot be read; None for one that adds nothing.

    Outcomes of releases that did not state source and time add nothing.
    """
    if record.value is None or not _COUNTED.search(record.value):
        return None
    outcome = decode(_Outcome.model_validate_json, record.value)
    if isinstance(outcome, DecodeError):
        return outcome
    if record.key != outcome.id.encode():
        return DecodeError("invalid_field", "key", "not the outcome's")
    if outcome.area is None or outcome.source is None or outcome.recorded_at is None:
        return None
    city = ids.city_of(outcome.area)
    if outcome.result == "noted":
        return CountedReport(outcome.id, city, outcome.source, outcome.recorded_at)
    return SuppressedAlarm(
        outcome.id, city, outcome.source, outcome.why.code if outcome.why else "", outcome.recorded_at
    )
