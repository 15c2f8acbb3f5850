"""A lane's state in memory, and whether a stored position is valid in a log. No I/O."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal, NamedTuple

from paidan_chassis.consumer.batch import Lane
from paidan_chassis.consumer.positions import LOG_END, LOG_START
from paidan_chassis.consumer.stored_lanes import InitialPosition, StoredLane
from paidan_chassis.errors import Halt


class LogBounds(NamedTuple):
    """A lane's log as it is now: its cluster and topic ids, its first offset and its end."""

    cluster_id: str
    topic_id: str
    start: int
    end: int


@dataclass(slots=True)
class LaneState:
    """The state in memory of an owned lane. The database decides; a mismatch means that another owner advanced it."""

    next_offset: int
    seq: int
    bounds: LogBounds
    """The log as it was when the lane was taken over."""
    previous: dict[str, int] = field(default_factory=dict)
    """The last sequence that the lane has committed for each topic-partition."""
    newest_appended_at: datetime | None = None
    """When the broker appended the newest record applied by this process."""
    consumed_to: int = 0
    """How far the log was read while no batch was running: past control records, which are never applied."""

    @property
    def effective_offset(self) -> int:
        """Return the offset below which every record is applied."""
        return max(self.next_offset, self.consumed_to)

    @property
    def has_caught_up(self) -> bool:
        return self.effective_offset >= self.bounds.end


def initial_position(lane: Lane, row: StoredLane | None, bounds: LogBounds) -> InitialPosition | None:
    """Return the position to store before a take-over; None when the stored one stays.

    A lane without a row begins at the log's start. Raises ``Halt`` when the stored position is invalid.
    """
    if row is None:
        return InitialPosition(bounds.start, bounds.cluster_id, bounds.topic_id)
    next_offset = {LOG_START: bounds.start, LOG_END: bounds.end}.get(row.position.next_offset, row.position.next_offset)
    check_position(lane, bounds, LogPosition(next_offset, row.cluster_id, row.topic_id))
    if row.cluster_id is None or row.topic_id is None or next_offset != row.position.next_offset:
        return InitialPosition(next_offset, bounds.cluster_id, bounds.topic_id)
    return None


class LogPosition(NamedTuple):
    """An offset, and the ids of the log that it belongs to, as far as they are known."""

    next_offset: int
    cluster_id: str | None
    topic_id: str | None


def check_position(lane: Lane, bounds: LogBounds, position: LogPosition) -> None:
    """Raise ``Halt`` when the position belongs to another log, or lies outside of this one."""
    _require_same_id(lane, "cluster", position.cluster_id, bounds.cluster_id)
    _require_same_id(lane, "topic", position.topic_id, bounds.topic_id)
    if position.next_offset < bounds.start:
        raise Halt(
            "offset_before_log",
            f"{lane} is at {position.next_offset}, and its log begins at {bounds.start}"
            f" | {lane} 读至 {position.next_offset}，而其日志始于 {bounds.start}",
        )
    if position.next_offset > bounds.end:
        raise Halt(
            "offset_after_log",
            f"{lane} is at {position.next_offset}, and its log ends at {bounds.end}"
            f" | {lane} 读至 {position.next_offset}，而其日志止于 {bounds.end}",
        )


def _require_same_id(lane: Lane, kind: Literal["cluster", "topic"], stored: str | None, actual: str) -> None:
    if stored not in {None, actual}:
        kind_zh = "集群" if kind == "cluster" else "主题"
        raise Halt(
            f"{kind}_changed",
            f"{lane} was read in {kind} {stored}, and this is {actual}"
            f" | {lane} 读自{kind_zh} {stored}，而当前为 {actual}",
        )
