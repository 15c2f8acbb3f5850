"""A supervised idempotent producer. It knows nothing of lanes: who needs an order says so by the call it makes."""

from collections.abc import Sequence
from types import TracebackType
from typing import NamedTuple, Self

from paidan_chassis.kafka import Kafka
from paidan_chassis.records import Message


class Parcel(NamedTuple):
    """A message addressed to a partition, ready for the wire."""

    topic: str
    partition: int
    key: bytes
    value: bytes
    headers: list[tuple[str, bytes]]


class Publisher:
    """One ``acks=all`` idempotent lz4 producer that is replaced by a new one whenever it fails."""

    def __init__(self, kafka: Kafka, *, client_id: str, linger_ms: int = 0) -> None:
        raise NotImplementedError

    async def __aenter__(self) -> Self:
        raise NotImplementedError

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        raise NotImplementedError

    async def send(self, messages: Sequence[Message], *, within_s: float = 10.0) -> None:
        """Publish messages, each to its key's partition; returns when Kafka has acknowledged all of them.

        Raises ``Unacknowledged`` when it has not in time; they may be stored all the same. Calls running at the same
        time share batches; their order among each other is not kept. Missing topics are created.
        """
        raise NotImplementedError

    async def carry(self, parcels: Sequence[Parcel]) -> None:
        """Publish so that per partition nothing is appended before what precedes it has been acknowledged.

        Raises ``Unacknowledged``, with a new producer already in place: call again with the same parcels.
        """
        raise NotImplementedError

    async def partition_of(self, topic: str, key: bytes) -> int:
        """Tell the partition (murmur2, as every stock client) of a key; creates the topic when it does not exist."""
        raise NotImplementedError

    @property
    def rebuilds(self) -> int:
        """Count the producers that had to be replaced."""
        raise NotImplementedError
