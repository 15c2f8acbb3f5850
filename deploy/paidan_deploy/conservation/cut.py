"""The cut at which tables and logs are compared: how far each consumer had applied its logs, and what it had said."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from aiokafka.structs import ConsumerRecord, TopicPartition

from paidan_deploy.conservation.log_reader import LogSpan


@dataclass(frozen=True, slots=True)
class LaneAtCut:
    """A lane of a consumer: the offset before which its records are applied, the number of its last message."""

    service: str
    consumer: str
    topic: str
    partition: int
    next_offset: int
    seq: int

    @property
    def origin(self) -> bytes:
        """The lane as its messages name it in ``ce_origin``."""
        return f"{self.consumer}/{self.topic}-{self.partition}".encode()


class Cut:
    """The lanes at the moment at which the tables were read: their offsets commit with the tables, so both agree.

    What was written to the logs since is left out of the comparison, however much it is.
    """

    def __init__(self, lanes: Iterable[LaneAtCut]) -> None:
        self.lanes = tuple(lanes)
        self._seqs = {lane.origin: lane.seq for lane in self.lanes}

    def offsets(self, service: str, topic: str) -> Mapping[int, int]:
        """Return the offset of each partition of a topic before which a service has applied every record."""
        return {
            lane.partition: lane.next_offset for lane in self.lanes if (lane.service, lane.topic) == (service, topic)
        }

    def span(self, service: str, topic: str, span: LogSpan) -> LogSpan:
        """Return the part of a topic's log that a service has applied."""
        offsets = self.offsets(service, topic)
        return LogSpan(span.begins, {at: _between(span, at, offsets.get(at.partition, 0)) for at in span.ends})

    def holds(self, record: ConsumerRecord[Any, Any]) -> bool:
        """Return whether a message was said by then; one that no lane has said is none of ours, and counts."""
        headers = dict(record.headers)
        seq = self._seqs.get(headers.get("ce_origin") or b"")
        number = headers.get("ce_sequence") or b""
        return seq is None or not number.isdigit() or int(number) <= seq


def _between(span: LogSpan, at: TopicPartition, offset: int) -> int:
    return min(max(offset, span.begins[at]), span.ends[at])
