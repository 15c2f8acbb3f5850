"""How intake's events stand on Kafka: topic, key, CloudEvents headers. No client here."""

from typing import Final

from pydantic import TypeAdapter

from paidan_chassis.kafka.cloudevents import CloudEventAttributes, encode
from paidan_chassis.kafka.message import Message
from paidan_contracts.outcomes import OutcomeDecided
from paidan_contracts.reports import AlarmRaised, ReportReceived
from paidan_contracts.topics import ALARMS, INBOX, OUTCOMES

SOURCE: Final = "/paidan/intake"
_REPORT: Final = TypeAdapter(ReportReceived)
_ALARM: Final = TypeAdapter(AlarmRaised)
_OUTCOME: Final = TypeAdapter(OutcomeDecided)


def report_message(report: ReportReceived) -> Message:
    """Say to dispatch that a report has come in."""
    headers = encode(
        CloudEventAttributes(
            id=report.report_id,
            source=SOURCE,
            type=report.type,
            time=report.recorded_at,
            subject=report.report_id,
            partitionkey=report.area,
        )
    )
    return Message(INBOX.name, report.area, _REPORT.dump_json(report, exclude_none=True), tuple(headers))


def alarm_message(alarm: AlarmRaised, report_id: str) -> Message:
    """Put an alarm that came over HTTP on the road that all alarms take."""
    headers = encode(
        CloudEventAttributes(
            id=report_id,
            source=SOURCE,
            type=alarm.type,
            time=alarm.occurred_at,
            subject=alarm.camera,
            partitionkey=alarm.camera,
        )
    )
    return Message(ALARMS.name, alarm.camera, _ALARM.dump_json(alarm, exclude_none=True), tuple(headers))


def outcome_message(outcome: OutcomeDecided) -> Message:
    """Say what became of an alarm that does not become a report."""
    headers = encode(
        CloudEventAttributes(
            id=outcome.id,
            source=SOURCE,
            type=outcome.type,
            time=outcome.decided_at,
            subject=outcome.id,
            partitionkey=outcome.id,
        )
    )
    return Message(OUTCOMES.name, outcome.id, _OUTCOME.dump_json(outcome, exclude_none=True), tuple(headers))
