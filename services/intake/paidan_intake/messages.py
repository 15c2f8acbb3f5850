"""Intake's events as Kafka messages: topic, key, CloudEvents headers, body."""

from typing import Final

from paidan_chassis.kafka.cloudevents import encode_body, encode_headers
from paidan_chassis.kafka.message import Message
from paidan_contracts.outcomes import OutcomeDecided
from paidan_contracts.reports import AlarmRaised, ReportReceived
from paidan_contracts.topics import ALARMS, INBOX, OUTCOMES

SOURCE: Final = "/paidan/intake"


def report_message(report: ReportReceived) -> Message:
    """Return a report for dispatch's inbox."""
    id_, area = report.report_id, report.area
    headers = encode_headers(id_, SOURCE, report.type, report.recorded_at, id_, area)
    return Message(INBOX.name, area, encode_body(report), headers)


def alarm_message(alarm: AlarmRaised, report_id: str) -> Message:
    """Return an alarm that came over HTTP for the topic that camera platforms write to themselves."""
    headers = encode_headers(report_id, SOURCE, alarm.type, alarm.occurred_at, alarm.camera, alarm.camera)
    return Message(ALARMS.name, alarm.camera, encode_body(alarm), headers)


def outcome_message(outcome: OutcomeDecided) -> Message:
    """Return the outcome of an alarm that does not become a report."""
    headers = encode_headers(outcome.id, SOURCE, outcome.type, outcome.decided_at, outcome.id, outcome.id)
    return Message(OUTCOMES.name, outcome.id, encode_body(outcome), headers)
