"""What comes in and what goes out: records read from a lane, messages said because of them. No I/O."""

from datetime import datetime
from typing import NamedTuple


class Lane(NamedTuple):
    """One partition of one input topic, as its one consumer sees it. Topics are named without the prefix."""

    topic: str
    partition: int

    def __str__(self) -> str:
        return f"{self.topic}-{self.partition}"


# Tuples, not dataclasses: a frozen dataclass costs 1 us more to make, and there is one of each for every record.
class Record(NamedTuple):
    """One record as the broker keeps it. Nothing in it has been looked at yet; anybody may have written it."""

    topic: str
    partition: int
    offset: int
    key: bytes | None
    value: bytes | None
    headers: tuple[tuple[str, bytes | None], ...]
    appended_at: datetime
    """When the broker appended it (UTC, milliseconds); the topic must have ``message.timestamp.type=LogAppendTime``."""

    @property
    def lane(self) -> Lane:
        return Lane(self.topic, self.partition)


class Message(NamedTuple):
    """One thing to say: ``topic`` without the prefix, CloudEvents headers of its author's making.

    What goes through a lane's outbox gets ``ce_origin``, ``ce_sequence`` and ``ce_previous`` added when it is relayed.
    """

    topic: str
    key: str
    value: bytes
    headers: tuple[tuple[str, bytes], ...]
