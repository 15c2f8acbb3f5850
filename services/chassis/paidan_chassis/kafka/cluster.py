"""The configuration of a Kafka cluster: addresses, topic prefix, how missing topics are created. No client here."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from faststream.kafka.security import parse_security
from faststream.security import BaseSecurity

DEAD_LETTERS: Final = "paidan.dead-letters"


@dataclass(frozen=True, slots=True)
class TopicSpec:
    """How a missing topic is created; ``LogAppendTime`` is always added."""

    partitions: int = 1
    config: Mapping[str, str] = field(default_factory=dict)


def _single_partition_spec(_topic: str) -> TopicSpec:
    return TopicSpec()


@dataclass(frozen=True, slots=True)
class KafkaCluster:
    """One installation's share of a cluster. ``topic_spec`` gets the unprefixed name of a topic that is missing."""

    servers: str
    prefix: str = ""
    topic_spec: Callable[[str], TopicSpec] = _single_partition_spec
    security: BaseSecurity | None = None

    def prefixed(self, topic: str) -> str:
        """Return a topic's name on the cluster."""
        return self.prefix + topic

    def client_options(self) -> dict[str, Any]:
        """Return the arguments common to all aiokafka clients."""
        return {"bootstrap_servers": self.servers.split(","), **parse_security(self.security)}

    def unprefixed(self, prefixed_topic: str) -> str:
        """Return a topic's name within this installation."""
        return prefixed_topic.removeprefix(self.prefix)
