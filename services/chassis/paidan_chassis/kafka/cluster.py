"""The configuration of a Kafka cluster: addresses, topic prefix, how missing topics are created. No client here."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Protocol

from faststream.kafka.security import parse_security
from faststream.security import BaseSecurity

DEAD_LETTERS: Final = "paidan.dead-letters"


class TopicDeclaration(Protocol):
    """Partitions and settings with which a missing topic is created. Its timestamps are always the broker's."""

    @property
    def partitions(self) -> int: ...

    @property
    def config(self) -> Mapping[str, str]: ...


@dataclass(frozen=True, slots=True)
class TopicSpec:
    """A declaration with these values; by default one partition and the broker's settings."""

    partitions: int = 1
    config: Mapping[str, str] = field(default_factory=dict)


def _single_partition_spec(_topic: str) -> TopicSpec:
    return TopicSpec()


@dataclass(frozen=True, slots=True)
class KafkaCluster:
    """A Kafka cluster as one installation uses it. ``topic_spec`` gets the unprefixed name of a missing topic."""

    servers: str
    prefix: str = ""
    topic_spec: Callable[[str], TopicDeclaration] = _single_partition_spec
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
