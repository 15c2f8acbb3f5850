"""Judging lanes: which records of a batch are new, and whether a log is the one that a position means. Pure."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from operator import attrgetter
from typing import NamedTuple

from paidan_chassis.consumer.errors import Halt
from paidan_chassis.consumer.positions import (
    LOG_END,
    LOG_START,
    InitialPosition,
    LanePosition,
    StoredLane,
)
from paidan_chassis.consumer.records import Lane, Record


class LogBounds(NamedTuple):
    """What a lane's log is now: in which cluster, which topic by id, where it begins and ends."""

    cluster_id: str
    topic_id: str
    start: int
    end: int


@dataclass(slots=True)
class LaneState:
    """What this process remembers of a lane it owns. The database decides; this only tells whether it has moved."""

    next_offset: int
    seq: int
    bounds: LogBounds
    """As it was when the lane was taken over."""
    newest_appended_at: datetime | None = None
    """When the broker appended the newest record applied here."""
    consumed_to: int = 0
    """How far the log was read with nothing left in hand: past markers of transactions, which are never records."""

    @property
    def effective_offset(self) -> int:
        """Tell the offset below which nothing waits to be applied."""
        return max(self.next_offset, self.consumed_to)

    @property
    def has_caught_up(self) -> bool:
        return self.effective_offset >= self.bounds.end


class NewRecords(NamedTuple):
    """What of a batch is to be applied now, and the lanes whose records begin too far on (and where they should)."""

    records: list[Record]
    rewind_to: dict[Lane, int]


def moved_elsewhere(
    states: Mapping[Lane, LaneState], stored: Mapping[Lane, LanePosition], lanes: Collection[Lane]
) -> list[Lane]:
    """Name the lanes that somebody else has moved since we remembered them: an owner after us, or a restored copy."""
    return [
        lane
        for lane in lanes
        if (position := stored.get(lane)) is None
        or (position.next_offset, position.seq) != (states[lane].next_offset, states[lane].seq)
    ]


def drop_applied(
    records: Sequence[Record], stored: Mapping[Lane, LanePosition], known_gaps: Mapping[Lane, int]
) -> NewRecords:
    """Drop records that were applied before, and keep back lanes of which some are missing.

    A gap that was looked at twice is ``tolerated``: compaction and markers of transactions leave such.
    """
    new_records: list[Record] = []
    rewind_to: dict[Lane, int] = {}
    for lane, group in group_by_lane(records):
        next_offset = stored[lane].next_offset
        first_offset = group[0].offset
        if first_offset > next_offset and known_gaps.get(lane) != next_offset:
            rewind_to[lane] = next_offset
        elif first_offset >= next_offset:
            new_records += group
        else:
            new_records += [record for record in group if record.offset >= next_offset]
    return NewRecords(new_records, rewind_to)


_lane_key = attrgetter("topic", "partition")


def group_by_lane(records: Sequence[Record]) -> Iterator[tuple[Lane, list[Record]]]:
    """Group records that already follow each other lane by lane."""
    for lane_key, group in groupby(records, key=_lane_key):
        yield Lane(*lane_key), list(group)


def initial_position(lane: Lane, row: StoredLane | None, bounds: LogBounds) -> InitialPosition | None:
    """Tell where a lane is to be anchored, or nothing when it is; raises ``Halt`` when its offset means something else.

    A lane never seen begins at the log's start.
    """
    if row is None:
        return InitialPosition(bounds.start, bounds.cluster_id, bounds.topic_id)
    next_offset = {LOG_START: bounds.start, LOG_END: bounds.end}.get(row.position.next_offset, row.position.next_offset)
    check_position(lane, bounds, LogPosition(next_offset, row.cluster_id, row.topic_id))
    if row.cluster_id is None or row.topic_id is None or next_offset != row.position.next_offset:
        return InitialPosition(next_offset, bounds.cluster_id, bounds.topic_id)
    return None


class LogPosition(NamedTuple):
    """A place in a log, and which log is meant as far as anybody knows."""

    next_offset: int
    cluster_id: str | None
    topic_id: str | None


def check_position(lane: Lane, bounds: LogBounds, position: LogPosition) -> None:
    """Raise ``Halt`` when a place in a log means something else now, or nothing."""
    _require_same_id(lane, "cluster", position.cluster_id, bounds.cluster_id)
    _require_same_id(lane, "topic", position.topic_id, bounds.topic_id)
    if position.next_offset < bounds.start:
        raise Halt(
            "offset_before_log", f"{lane} stands at {position.next_offset}, and its log begins at {bounds.start}"
        )
    if position.next_offset > bounds.end:
        raise Halt("offset_after_log", f"{lane} stands at {position.next_offset}, and its log ends at {bounds.end}")


def _require_same_id(lane: Lane, kind: str, stored: str | None, actual: str) -> None:
    if stored not in {None, actual}:
        raise Halt(f"{kind}_changed", f"{lane} was read in {kind} {stored}, and this is {actual}")
