"""Intake's events as Kafka messages: topic, key, CloudEvents headers, body."""

from datetime import UTC, datetime
from typing import Final

from paidan_chassis.kafka.cloudevents import EventEncoder, encode_body, encode_headers, source_of
from paidan_chassis.kafka.message import Message
from paidan_contracts import ids
from paidan_contracts.inbox import PhotoStored
from paidan_contracts.outcomes import OutcomeDecided
from paidan_contracts.reports import AlarmRaised, ReportReceived
from paidan_contracts.topics import ALARMS, INBOX, OUTCOMES, alarms_topic_of

SOURCE: Final = source_of("intake")
_FIRST_YEAR: Final = 1970
_LAST_YEAR: Final = 2200
_UNKNOWN_TIME: Final = datetime(1970, 1, 1, tzinfo=UTC)


report_message: Final = EventEncoder[ReportReceived](
    INBOX.name, SOURCE, id_="report_id", time="recorded_at", key="area"
)
"""A report for dispatch's inbox."""

outcome_message: Final = EventEncoder[OutcomeDecided](OUTCOMES.name, SOURCE, id_="id", time="decided_at", key="id")
"""The outcome of an alarm that does not become a report."""


def photo_stored_message(event: PhotoStored) -> Message:
    """Return the event that a proof photo was stored, for dispatch's inbox."""
    event_id = ids.photo_stored_id(event.case_id, event.ref, event.holder.kind, event.holder.id)
    headers = encode_headers(event_id, SOURCE, event.type, event.stored_at, event.case_id, event.area)
    return Message(INBOX.name, event.area, encode_body(event), headers)


def alarm_message(alarm: AlarmRaised, report_id: str, *, own_topic: bool = False) -> Message:
    """Return an alarm that came over HTTP for the topic that camera platforms write to: of all, or the source's own."""
    # A clock that was not set may state a year that UTC has not.
    time = alarm.occurred_at if _FIRST_YEAR <= alarm.occurred_at.year <= _LAST_YEAR else _UNKNOWN_TIME
    headers = encode_headers(report_id, SOURCE, alarm.type, time, alarm.camera, alarm.camera)
    topic = alarms_topic_of(alarm.source) if own_topic else ALARMS
    return Message(topic.name, alarm.camera, encode_body(alarm), headers)
