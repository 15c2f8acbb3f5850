"""Where Kafka is and how its topics are to look. No client here."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from faststream.kafka.security import parse_security
from faststream.security import BaseSecurity

DEAD_LETTERS: Final = "paidan.dead-letters"


@dataclass(frozen=True, slots=True)
class TopicSpec:
    """How a topic is made when it does not exist yet; the broker's append time is always asked for."""

    partitions: int = 1
    config: Mapping[str, str] = field(default_factory=dict)


def _single_partition_spec(_topic: str) -> TopicSpec:
    return TopicSpec()


@dataclass(frozen=True, slots=True)
class KafkaCluster:
    """One installation's share of a cluster. ``shape`` is asked, by the plain name, when a topic is missing."""

    servers: str
    prefix: str = ""
    topic_spec: Callable[[str], TopicSpec] = _single_partition_spec
    security: BaseSecurity | None = None

    def prefixed(self, topic: str) -> str:
        """Give a topic's name on the cluster."""
        return self.prefix + topic

    def client_options(self) -> dict[str, Any]:
        """Give what every client of aiokafka is built with."""
        return {"bootstrap_servers": self.servers.split(","), **parse_security(self.security)}

    def unprefixed(self, prefixed_topic: str) -> str:
        """Give a topic's name in this installation."""
        return prefixed_topic.removeprefix(self.prefix)
