"""Appends the result of a conservation check to ``paidan.checks``, where monitoring and operators find the last one."""

from datetime import datetime
from uuid import uuid4

from paidan_chassis.kafka.cloudevents import encode_body, encode_headers, source_of
from paidan_chassis.kafka.cluster import KafkaCluster
from paidan_chassis.kafka.message import Message
from paidan_chassis.kafka.producer import Publisher
from paidan_contracts.checks import CONSERVATION, CheckNotice, CheckResult, ConservationChecked, LogOffset
from paidan_contracts.topics import CHECKS
from paidan_deploy.conservation.report import ConservationReport


def to_event(report: ConservationReport, *, checked_at: datetime, took_ms: int) -> ConservationChecked:
    """Return a report as an event: numbers and codes, without the ids of reports and cases that it has as examples."""
    return ConservationChecked(
        check_id=str(uuid4()),
        checked_at=checked_at,
        took_ms=took_ms,
        holds=report.holds,
        received=report.received,
        outcomes=dict(report.ends),
        dead_letters={topic: number for topic, number in sorted(report.dead_letters.items()) if number},
        checks=tuple(
            CheckResult(code=each.code, holds=each.holds, counted=each.counted, against=each.against)
            for each in report.claims
        ),
        notices=tuple(
            CheckNotice(code=each.code, counted=each.counted, found=each.found) for each in report.remarks if each.found
        ),
        compared_to=tuple(
            LogOffset(topic=topic, partition=partition, offset=offset)
            for topic, offsets in report.holds_to.items()
            for partition, offset in sorted(offsets.items())
        ),
    )


async def publish(kafka: KafkaCluster, event: ConservationChecked) -> None:
    """Append the event, creating the topic if it is missing. Raises ``Unacknowledged``."""
    headers = encode_headers(
        event.check_id, source_of("verify"), event.type, event.checked_at, CONSERVATION, CONSERVATION
    )
    async with Publisher(kafka, client_id="paidan-verify") as publisher:
        await publisher.send([Message(CHECKS.name, CONSERVATION, encode_body(event), headers)])
