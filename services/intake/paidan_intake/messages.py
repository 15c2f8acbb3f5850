"""Intake's events as Kafka messages: topic, key, CloudEvents headers, body."""

from typing import Final

from paidan_chassis.kafka.cloudevents import EventEncoder, encode_body, encode_headers
from paidan_chassis.kafka.message import Message
from paidan_contracts.outcomes import OutcomeDecided
from paidan_contracts.reports import AlarmRaised, ReportReceived
from paidan_contracts.topics import ALARMS, INBOX, OUTCOMES, alarms_topic_of

SOURCE: Final = "/paidan/intake"


report_message: Final = EventEncoder[ReportReceived](
    INBOX.name, SOURCE, id_="report_id", time="recorded_at", key="area"
)
"""A report for dispatch's inbox."""

outcome_message: Final = EventEncoder[OutcomeDecided](OUTCOMES.name, SOURCE, id_="id", time="decided_at", key="id")
"""The outcome of an alarm that does not become a report."""


def alarm_message(alarm: AlarmRaised, report_id: str, *, own_topic: bool = False) -> Message:
    """Return an alarm that came over HTTP for the topic that camera platforms write to: of all, or the source's own."""
    headers = encode_headers(report_id, SOURCE, alarm.type, alarm.occurred_at, alarm.camera, alarm.camera)
    topic = alarms_topic_of(alarm.source) if own_topic else ALARMS
    return Message(topic.name, alarm.camera, encode_body(alarm), headers)
