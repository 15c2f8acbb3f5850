"""Who owns a lane, and which of its records are on trial because a process died near them.

An owner that ends in order gives its lanes back. One that does not may have been ended by a record: then what it may
have been deciding is taken in ever smaller batches, each announced before it is decided, until the record that ends
processes stands alone. Nothing is written per batch otherwise.
"""

from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple
from uuid import UUID, uuid4

import asyncpg

from paidan_chassis.consumer.batch import DeadLetter, Lane, Record, UntoldDeadLetter
from paidan_chassis.consumer.positions import lane_columns
from paidan_chassis.database import Connection

SHRINKING_FACTOR: Final = 10
LONE_DEATHS: Final = 3
"""So often a record must have ended its process, alone in its batch, before it becomes a dead letter."""


class Trial(NamedTuple):
    """The records of a lane below ``until`` are taken ``size`` at a time, each batch announced."""

    until: int
    size: int
    deaths: int = 0
    """How often the record at ``deaths_at``, alone in its batch, has ended the process that decided it."""
    deaths_at: int = 0


class OwnedRow(NamedTuple):
    """A lane's row: its owner, its trial, and the batch that was announced last."""

    owner: UUID | None
    trial_until: int = 0
    trial_size: int = 0
    deciding: int | None = None
    """The first offset of the batch announced last. Only if the lane's position is still there was it not applied."""
    deciding_count: int = 0
    deaths: int = 0
    deaths_at: int = 0

    def trial_at(self, next_offset: int) -> Trial | None:
        """Return the trial that the record at this position is on, if any."""
        if next_offset >= self.trial_until:
            return None
        if self.deaths_at != next_offset:
            return Trial(self.trial_until, self.trial_size)
        return Trial(self.trial_until, self.trial_size, self.deaths, self.deaths_at)


def split_for_trials(records: Sequence[Record], trials: Mapping[Lane, Trial]) -> list[Sequence[Record]]:
    """Return a poll's records as batches: those on trial by lane and few at a time, then the others as one."""
    batches: list[Sequence[Record]] = []
    others = list(records)
    for lane, trial in trials.items():
        on_trial = [each for each in records if each.lane == lane and each.offset < trial.until]
        batches += [on_trial[at : at + trial.size] for at in range(0, len(on_trial), trial.size)]
        others = [each for each in others if each.lane != lane or each.offset >= trial.until]
    return [*batches, others] if others else batches


class LogExtent(NamedTuple):
    """A lane's position and its log's end, as its new owner finds them."""

    next_offset: int
    end: int


def claim(row: OwnedRow | None, owner: UUID, extent: LogExtent, *, max_records: int) -> OwnedRow:
    """Return a lane's row under its new owner.

    Without an announcement the last owner may have been waiting: its lane goes on trial, and no death is counted.
    """
    if row is None:
        return OwnedRow(owner)
    if row.owner in {None, owner}:
        return row._replace(owner=owner)
    next_offset = extent.next_offset
    if row.deciding != next_offset:
        if row.trial_at(next_offset):
            return row._replace(owner=owner, deciding=None)
        until = min(next_offset + max_records, extent.end)
        return OwnedRow(owner, until, max(1, max_records // SHRINKING_FACTOR))
    until = max(next_offset + row.deciding_count, row.trial_until if row.deciding_count == 1 else 0)
    if row.deciding_count > 1:
        return OwnedRow(owner, until, max(1, row.deciding_count // SHRINKING_FACTOR))
    deaths = row.deaths + 1 if row.deaths_at == next_offset else 1
    return OwnedRow(owner, until, 1, deaths=deaths, deaths_at=next_offset)


# Always in this order, so that two owners never deadlock.
LOCK_ROWS: Final = """
    SELECT topic, partition, owner, trial_until, trial_size, deciding, deciding_count, deaths, deaths_at
      FROM lane_owner
     WHERE consumer = $1
       AND (topic, partition) IN (SELECT * FROM unnest($2::text[], $3::integer[]))
     ORDER BY topic, partition
       FOR UPDATE
"""
UPSERT_ROW: Final = """
    INSERT INTO lane_owner (consumer, topic, partition, owner, trial_until, trial_size, deciding, deciding_count,
                            deaths, deaths_at)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
    ON CONFLICT (consumer, topic, partition) DO UPDATE
       SET owner = excluded.owner,
           trial_until = excluded.trial_until,
           trial_size = excluded.trial_size,
           deciding = excluded.deciding,
           deciding_count = excluded.deciding_count,
           deaths = excluded.deaths,
           deaths_at = excluded.deaths_at
"""
ANNOUNCE: Final = """
    UPDATE lane_owner
       SET deciding = $5,
           deciding_count = $6
     WHERE consumer = $1
       AND topic = $2
       AND partition = $3
       AND owner = $4
"""
RELEASE: Final = """
    UPDATE lane_owner
       SET owner = NULL,
           deciding = NULL
     WHERE consumer = $1
       AND owner = $2
"""


class LaneClaims:
    """The lanes that one run of a consumer owns, as the database records it."""

    def __init__(self, consumer: str, *, max_records: int) -> None:
        self._consumer = consumer
        self._id = uuid4()
        self._max_records = max_records

    async def claim(self, conn: Connection, lanes: Mapping[Lane, LogExtent]) -> dict[Lane, Trial]:
        """Become the owner of these lanes, and return those on trial. A second call for a lane changes nothing."""
        async with conn.transaction():
            rows = await conn.fetch(LOCK_ROWS, self._consumer, *lane_columns(lanes))
            stored = {Lane(row["topic"], row["partition"]): _from_row(row) for row in rows}
            claimed = {
                lane: claim(stored.get(lane), self._id, extent, max_records=self._max_records)
                for lane, extent in sorted(lanes.items())
            }
            await conn.executemany(UPSERT_ROW, [(self._consumer, *lane, *row) for lane, row in claimed.items()])
        trials = {lane: row.trial_at(lanes[lane].next_offset) for lane, row in claimed.items()}
        return {lane: trial for lane, trial in trials.items() if trial}

    async def announce(
        self, conn: Connection, batch: Sequence[Record], trial: Trial, *, first_offset: int
    ) -> DeadLetter | None:
        """Record, in a transaction of its own, that a batch on trial is decided now.

        Return the dead letter of its one record when that has ended too many processes.
        """
        last_offset = batch[-1].offset
        count = last_offset + 1 - first_offset
        await conn.execute(ANNOUNCE, self._consumer, *batch[0].lane, self._id, first_offset, count)
        if trial.deaths < LONE_DEATHS or not trial.deaths_at == first_offset == last_offset:
            return None
        dead_letter = DeadLetter if trial.deaths == LONE_DEATHS else UntoldDeadLetter
        return dead_letter(batch[-1], "ended_its_process")

    async def release(self, conn: Connection) -> None:
        """Release all lanes: whatever happens to this process from now on, no record is to blame."""
        await conn.execute(RELEASE, self._consumer, self._id)


def _from_row(row: "asyncpg.Record") -> OwnedRow:
    return OwnedRow(*list(row.values())[2:])
