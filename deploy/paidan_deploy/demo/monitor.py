"""Follows the topics of cases and outcomes with a stock client, and counts their messages."""

import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

from aiokafka import AIOKafkaConsumer

from paidan_chassis.kafka.cluster import KafkaCluster


@dataclass(slots=True)
class Observed:
    """Counts since the monitor started."""

    outcome_counts: Counter[str] = field(default_factory=Counter)
    event_counts: Counter[str] = field(default_factory=Counter)
    decided_reports: set[str] = field(default_factory=set)
    case_versions: dict[str, int] = field(default_factory=dict)

    def record_outcome(self, report_id: str, result: str) -> None:
        """Count a report's outcome, once."""
        if report_id not in self.decided_reports:
            self.decided_reports.add(report_id)
            self.outcome_counts[result] += 1

    def record_event(self, event: Mapping[str, object]) -> None:
        """Count a case event, once: old ones may be repeated. One that opens a case mostly tells its dispatch, too."""
        case_id, version = str(event["case_id"]), int(str(event["version"]))
        if version > self.case_versions.get(case_id, 0):
            self.case_versions[case_id] = version
            self.event_counts[str(event["type"])] += 1
            if event.get("dispatched"):
                self.event_counts["case.dispatched.v1"] += 1


class Monitor:
    """Follows `paidan.cases` and `paidan.outcomes` from their present end."""

    def __init__(self, kafka: KafkaCluster) -> None:
        self.observed = Observed()
        self._consumer = AIOKafkaConsumer(
            kafka.prefixed("paidan.cases"),
            kafka.prefixed("paidan.outcomes"),
            group_id=None,
            auto_offset_reset="latest",
            enable_auto_commit=False,
            **kafka.client_options(),
        )

    async def start(self) -> None:
        """Start: every event from here on is counted."""
        try:
            await self._consumer.start()
            for partition in self._consumer.assignment():
                await self._consumer.position(partition)
        except BaseException:
            await self._consumer.stop()
            raise

    async def run(self) -> None:
        """Count for ever."""
        try:
            async for message in self._consumer:
                self._count(json.loads(message.value or b"{}"))
        finally:
            await self._consumer.stop()

    def _count(self, event: dict[str, object]) -> None:
        if event.get("type") == "outcome.decided.v1":
            if event["about"] == "report":
                self.observed.record_outcome(str(event["id"]), str(event["result"]))
        elif "version" in event:
            self.observed.record_event(event)
