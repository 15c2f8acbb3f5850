"""What operations monitoring sees: it follows two public topics with a stock client and counts first appearances."""

import json
from collections import Counter
from dataclasses import dataclass, field

from aiokafka import AIOKafkaConsumer


@dataclass(slots=True)
class Seen:
    """Counts since the monitor began."""

    outcomes: Counter[str] = field(default_factory=Counter)
    steps: Counter[str] = field(default_factory=Counter)
    decided: set[str] = field(default_factory=set)
    versions: dict[str, int] = field(default_factory=dict)

    def outcome(self, name: str, result: str) -> None:
        """Count what became of a report, once."""
        if name not in self.decided:
            self.decided.add(name)
            self.outcomes[result] += 1

    def step(self, case_id: str, version: int, kind: str) -> None:
        """Count a case's step, once: an old one may come again."""
        if version > self.versions.get(case_id, 0):
            self.versions[case_id] = version
            self.steps[kind] += 1


class Monitor:
    """Follows `paidan.cases` and `paidan.outcomes` from where they end now."""

    def __init__(self, bootstrap: str, prefix: str) -> None:
        self.seen = Seen()
        self._consumer = AIOKafkaConsumer(
            f"{prefix}paidan.cases",
            f"{prefix}paidan.outcomes",
            bootstrap_servers=bootstrap,
            group_id=None,
            auto_offset_reset="latest",
            enable_auto_commit=False,
        )

    async def start(self) -> None:
        """Begin: whatever is said from here on is counted."""
        await self._consumer.start()
        for partition in self._consumer.assignment():
            await self._consumer.position(partition)

    async def follow(self) -> None:
        """Count for ever."""
        try:
            async for message in self._consumer:
                self._count(json.loads(message.value or b"{}"))
        finally:
            await self._consumer.stop()

    def _count(self, said: dict[str, object]) -> None:
        if said.get("type") == "outcome.decided.v1":
            if said["about"] == "report":
                self.seen.outcome(str(said["id"]), str(said["result"]))
        elif "version" in said:
            self.seen.step(str(said["case_id"]), int(str(said["version"])), str(said["type"]))
