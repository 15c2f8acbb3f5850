"""The lanes that this process has taken over, and what each batch writes for them: position, outbox, relay progress."""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from itertools import groupby
from operator import attrgetter
from types import MappingProxyType
from typing import NamedTuple

from paidan_chassis.consumer.batch import Lane, Record
from paidan_chassis.consumer.lane_state import LaneState
from paidan_chassis.consumer.outbox_chunks import CausedMessage, ChunkWriter, OutboxChunk
from paidan_chassis.consumer.ownership import Trial
from paidan_chassis.consumer.positions import LaneAdvance, LanePosition
from paidan_chassis.consumer.relay import Relay
from paidan_chassis.errors import Halt

_lane_key = attrgetter("topic", "partition")


def group_by_lane(records: Sequence[Record]) -> Iterator[tuple[Lane, list[Record]]]:
    """Group records that already follow each other lane by lane."""
    for lane_key, group in groupby(records, key=_lane_key):
        yield Lane(*lane_key), list(group)


class NewRecords(NamedTuple):
    """The records of a batch to apply now, and where lanes must be read from of which records are missing."""

    records: list[Record]
    rewind_to: dict[Lane, int]


def drop_applied(
    records: Sequence[Record], positions: Mapping[Lane, LanePosition], is_gap: Callable[[Lane, int], bool]
) -> NewRecords:
    """Drop records that were applied before, and the lanes of which records are missing.

    ``is_gap`` returns whether a lane's log has no record at an offset, so that the next one follows.
    """
    new_records: list[Record] = []
    rewind_to: dict[Lane, int] = {}
    for lane, group in group_by_lane(records):
        next_offset = positions[lane].next_offset
        first_offset = group[0].offset
        if first_offset > next_offset and not is_gap(lane, next_offset):
            rewind_to[lane] = next_offset
        elif first_offset >= next_offset:
            new_records += group
        else:
            new_records += [record for record in group if record.offset >= next_offset]
    return NewRecords(new_records, rewind_to)


class PendingWrites(NamedTuple):
    """What is written with a batch, and kept in memory after its commit."""

    last_records: Mapping[Lane, Record]
    advances: Sequence[LaneAdvance]
    chunks: Mapping[Lane, OutboxChunk]

    @property
    def message_count(self) -> int:
        return sum(each.message_count for each in self.chunks.values())


class OwnedLanes:
    """The lanes that this process has taken over. Only this class changes their state."""

    def __init__(self) -> None:
        self._states: dict[Lane, LaneState] = {}
        self.states: Mapping[Lane, LaneState] = MappingProxyType(self._states)
        self._known_gaps: dict[Lane, int] = {}
        self.trials: dict[Lane, Trial] = {}
        """Lanes whose last owner may have been ended by one of their records; empty as a rule."""
        self.held: dict[Lane, Halt] = {}
        """Lanes that halted, while the others go on; empty as a rule."""

    def add(self, lane: Lane, state: LaneState, *, trial: Trial | None = None) -> None:
        """Add a lane that was taken over, with its state."""
        self._states[lane] = state
        self._known_gaps.pop(lane, None)
        self.trials.pop(lane, None)
        if trial:
            self.trials[lane] = trial
        self.held.pop(lane, None)

    def remove(self, lanes: Collection[Lane]) -> None:
        """Drop lanes, if they are owned."""
        for lane in lanes:
            self._states.pop(lane, None)
            self.held.pop(lane, None)
            self.trials.pop(lane, None)

    def end_trials(self) -> None:
        """Forget the trials of lanes that are past them."""
        for lane, trial in list(self.trials.items()):
            if self._states[lane].next_offset >= trial.until:
                del self.trials[lane]

    def accept_gap(self, lane: Lane, offset: int) -> None:
        """Record that a lane's log has no record at this offset: its next batch may begin after it."""
        self._known_gaps[lane] = offset

    def is_gap(self, lane: Lane, offset: int) -> bool:
        """Return whether a lane's log was found to have no record at an offset."""
        return self._known_gaps.get(lane) == offset

    def mark_consumed(self, lane: Lane, *, next_offset: int, consumed_to: int) -> None:
        """Record how far the log was read, unless a batch has advanced the lane meanwhile."""
        state = self._states.get(lane)
        if state is not None and state.next_offset == next_offset:
            state.consumed_to = consumed_to

    def advance(
        self, lane: Lane, *, next_offset: int, seq: int, appended_at: datetime, last_seqs: Mapping[str, int]
    ) -> None:
        """Record a committed batch: a lane's position, and the last sequence per topic-partition."""
        state = self._states[lane]
        state.next_offset, state.seq, state.newest_appended_at = next_offset, seq, appended_at
        state.previous.update(last_seqs)

    def positions(self, lanes: Iterable[Lane]) -> dict[Lane, LanePosition]:
        """Return where these lanes stand as this process remembers it."""
        return {lane: _position(self._states[lane]) for lane in lanes}

    def moved_elsewhere(self, stored: Mapping[Lane, LanePosition], lanes: Collection[Lane]) -> list[Lane]:
        """Return the lanes whose stored position is not the one in memory: another owner's, or a restored copy's."""
        return [lane for lane in lanes if stored.get(lane) != _position(self._states[lane])]


class LaneWriter:
    """Prepares the writes of a batch, and follows their commit in memory: in the lanes' states and in the relay."""

    def __init__(self, lanes: OwnedLanes, relay: Relay, chunk_writer: ChunkWriter) -> None:
        self._lanes = lanes
        self._relay = relay
        self._chunk_writer = chunk_writer

    def prepare(
        self, new_records: Sequence[Record], messages: Sequence[CausedMessage], positions: Mapping[Lane, LanePosition]
    ) -> PendingWrites:
        """Return what is to be written with these records, from these positions on. Raises ``TopicsUnknown``."""
        last_seqs = {lane: position.seq for lane, position in positions.items()}
        previous = {lane: self._lanes.states[lane].previous for lane in positions}
        chunks = self._chunk_writer.write_all(messages, last_seqs, previous) if messages else {}
        last_records = {lane: group[-1] for lane, group in group_by_lane(new_records)}
        relayed = self._relay.unsaved(last_records) if self._relay.has_unsaved else {}
        advances = [
            LaneAdvance(
                lane,
                positions[lane],
                last.offset + 1,
                chunks[lane].last_seq if lane in chunks else last_seqs[lane],
                relayed.get(lane),
            )
            for lane, last in last_records.items()
        ]
        return PendingWrites(last_records, advances, chunks)

    def follow_commit(self, writes: PendingWrites) -> None:
        """Record that these writes are committed, and hand their messages to the relay."""
        for advance in writes.advances:
            lane = advance.lane
            chunk = writes.chunks.get(lane)
            self._lanes.advance(
                lane,
                next_offset=advance.next_offset,
                seq=advance.seq,
                appended_at=writes.last_records[lane].appended_at,
                last_seqs=chunk.last_seqs if chunk else {},
            )
        relayed = {each.lane: each.relayed for each in writes.advances if each.relayed}
        if relayed:
            self._relay.mark_saved(relayed)
        for chunk in writes.chunks.values():
            self._relay.add(chunk)


def _position(state: LaneState) -> LanePosition:
    return LanePosition(state.next_offset, state.seq)
