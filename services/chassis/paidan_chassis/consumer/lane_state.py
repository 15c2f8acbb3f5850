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
    Anchor,
    Anchored,
    Position,
)
from paidan_chassis.consumer.records import Lane, Record


class LogFound(NamedTuple):
    """What a lane's log is now: in which cluster, which topic by id, where it begins and ends."""

    cluster_id: str
    topic_id: str
    start: int
    end: int


@dataclass(slots=True)
class Stand:
    """What this process remembers of a lane it owns. The database decides; this only tells whether it has moved."""

    next_offset: int
    seq: int
    log: LogFound
    """As it was when the lane was taken over."""
    applied_at: datetime | None = None
    """When the broker appended the newest record applied here."""
    read_to: int = 0
    """How far the log was read with nothing left in hand: past markers of transactions, which are never records."""

    @property
    def reached(self) -> int:
        """Tell the offset below which nothing waits to be applied."""
        return max(self.next_offset, self.read_to)

    @property
    def caught_up(self) -> bool:
        return self.reached >= self.log.end


class Cut(NamedTuple):
    """What of a batch is to be applied now, and the lanes whose records begin too far on (and where they should)."""

    fresh: list[Record]
    ahead: dict[Lane, int]


def moved(stands: Mapping[Lane, Stand], found: Mapping[Lane, Position], lanes: Collection[Lane]) -> list[Lane]:
    """Name the lanes that somebody else has moved since we remembered them: an owner after us, or a restored copy."""
    return [
        lane
        for lane in lanes
        if (at := found.get(lane)) is None or (at.next_offset, at.seq) != (stands[lane].next_offset, stands[lane].seq)
    ]


def cut(records: Sequence[Record], found: Mapping[Lane, Position], tolerated: Mapping[Lane, int]) -> Cut:
    """Drop records that were applied before, and keep back lanes of which some are missing.

    A gap that was looked at twice is ``tolerated``: compaction and markers of transactions leave such.
    """
    fresh: list[Record] = []
    ahead: dict[Lane, int] = {}
    for lane, group in by_lane(records):
        at = found[lane].next_offset
        first = group[0].offset
        if first > at and tolerated.get(lane) != at:
            ahead[lane] = at
        elif first >= at:
            fresh += group
        else:
            fresh += [record for record in group if record.offset >= at]
    return Cut(fresh, ahead)


_lane_of = attrgetter("topic", "partition")


def by_lane(records: Sequence[Record]) -> Iterator[tuple[Lane, list[Record]]]:
    """Group records that already follow each other lane by lane."""
    for named, group in groupby(records, key=_lane_of):
        yield Lane(*named), list(group)


def anchored(lane: Lane, row: Anchored | None, log: LogFound) -> Anchor | None:
    """Tell where a lane is to be anchored, or nothing when it is; raises ``Halt`` when its offset means something else.

    A lane never seen begins at the log's start.
    """
    if row is None:
        return Anchor(log.start, log.cluster_id, log.topic_id)
    at = {LOG_START: log.start, LOG_END: log.end}.get(row.position.next_offset, row.position.next_offset)
    check(lane, log, At(at, row.cluster_id, row.topic_id))
    if row.cluster_id is None or row.topic_id is None or at != row.position.next_offset:
        return Anchor(at, log.cluster_id, log.topic_id)
    return None


class At(NamedTuple):
    """A place in a log, and which log is meant as far as anybody knows."""

    next_offset: int
    cluster_id: str | None
    topic_id: str | None


def check(lane: Lane, log: LogFound, at: At) -> None:
    """Raise ``Halt`` when a place in a log means something else now, or nothing."""
    _same(lane, "cluster", at.cluster_id, log.cluster_id)
    _same(lane, "topic", at.topic_id, log.topic_id)
    if at.next_offset < log.start:
        raise Halt("offset_before_log", f"{lane} stands at {at.next_offset}, and its log begins at {log.start}")
    if at.next_offset > log.end:
        raise Halt("offset_after_log", f"{lane} stands at {at.next_offset}, and its log ends at {log.end}")


def _same(lane: Lane, what: str, stored: str | None, found: str) -> None:
    if stored not in {None, found}:
        raise Halt(f"{what}_changed", f"{lane} was read in {what} {stored}, and this is {found}")
