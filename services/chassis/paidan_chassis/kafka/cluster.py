"""Where Kafka is and how its topics are to look. No client here."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from faststream.kafka.security import parse_security
from faststream.security import BaseSecurity

DEAD_LETTERS: Final = "paidan.dead-letters"


@dataclass(frozen=True, slots=True)
class TopicShape:
    """How a topic is made when it does not exist yet; the broker's append time is always asked for."""

    partitions: int = 1
    config: Mapping[str, str] = field(default_factory=dict)


def _one_partition(_topic: str) -> TopicShape:
    return TopicShape()


@dataclass(frozen=True, slots=True)
class Kafka:
    """One installation's share of a cluster. ``shape`` is asked, by the plain name, when a topic is missing."""

    servers: str
    prefix: str = ""
    shape: Callable[[str], TopicShape] = _one_partition
    security: BaseSecurity | None = None

    def real(self, topic: str) -> str:
        """Give a topic's name on the cluster."""
        return self.prefix + topic

    def client_options(self) -> dict[str, Any]:
        """Give what every client of aiokafka is built with."""
        return {"bootstrap_servers": self.servers.split(","), **parse_security(self.security)}

    def plain(self, real: str) -> str:
        """Give a topic's name in this installation."""
        return real.removeprefix(self.prefix)
