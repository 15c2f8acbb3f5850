"""Where lanes stand: the rows that fence a batch, and every statement that moves them."""

import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Final, NamedTuple

from paidan_chassis.consumer.outbox import OutboxChunk
from paidan_chassis.consumer.records import Lane
from paidan_chassis.database import Connection

LOG_START: Final = -2
LOG_END: Final = -1


class LanePosition(NamedTuple):
    """A lane's row. ``next_offset`` may be ``LOG_START`` or ``LOG_END`` after an operator said so."""

    next_offset: int
    seq: int
    relayed_seq: int


class StoredLane(NamedTuple):
    """A lane's row in full, as a new owner reads it."""

    position: LanePosition
    previous: Mapping[str, int]
    cluster_id: str | None
    topic_id: str | None


class RelayProgress(NamedTuple):
    """How far a lane's messages are acknowledged, and what then was the last one to each topic-partition."""

    seq: int
    previous: str


class LaneAdvance(NamedTuple):
    """How a batch moves one lane."""

    lane: Lane
    next_offset: int
    seq: int
    relayed: RelayProgress | None


# In one order for everybody, so that two owners never wait for each other in a ring.
LOCK_LANES: Final = """
    SELECT topic, partition, next_offset, seq, relayed_seq
      FROM lane
     WHERE consumer = $1
       AND (topic, partition) IN (SELECT * FROM unnest($2::text[], $3::integer[]))
     ORDER BY topic, partition
       FOR UPDATE
"""


async def lock_lanes(conn: Connection, consumer: str, lanes: Collection[Lane]) -> dict[Lane, LanePosition]:
    """Lock the rows of a batch's lanes until the transaction ends, and read them. A lane without a row is left out."""
    rows = await conn.fetch(LOCK_LANES, consumer, *_lane_columns(lanes))
    return {
        Lane(row["topic"], row["partition"]): LanePosition(row["next_offset"], row["seq"], row["relayed_seq"])
        for row in rows
    }


# Two things in one round trip. relayed_seq never goes back: a frozen owner's note may be older than its successor's.
ADVANCE_LANES: Final = """
    WITH said AS (
        INSERT INTO outbox (consumer, topic, partition, first_seq, last_seq, body)
        SELECT $1, said.*
          FROM unnest($7::text[], $8::integer[], $9::bigint[], $10::bigint[], $11::bytea[]) AS said)
    UPDATE lane
       SET next_offset = moved.next_offset,
           seq = moved.seq,
           relayed_seq = greatest(lane.relayed_seq, moved.relayed_seq),
           previous = CASE WHEN moved.relayed_seq > lane.relayed_seq THEN moved.previous ELSE lane.previous END
      FROM unnest($2::text[], $3::integer[], $4::bigint[], $5::bigint[], $6::bigint[], $12::text[])
        AS moved (topic, partition, next_offset, seq, relayed_seq, previous)
     WHERE lane.consumer = $1
       AND lane.topic = moved.topic
       AND lane.partition = moved.partition
"""


async def advance_lanes(
    conn: Connection, consumer: str, advances: Sequence[LaneAdvance], chunks: Sequence[OutboxChunk]
) -> None:
    """Advance locked lanes, store what they say, note what is relayed."""
    await conn.execute(
        ADVANCE_LANES,
        consumer,
        *_lane_columns([advance.lane for advance in advances]),
        [advance.next_offset for advance in advances],
        [advance.seq for advance in advances],
        [advance.relayed.seq if advance.relayed else 0 for advance in advances],
        *_lane_columns([chunk.lane for chunk in chunks]),
        [chunk.first_seq for chunk in chunks],
        [chunk.last_seq for chunk in chunks],
        [chunk.body for chunk in chunks],
        [advance.relayed.previous if advance.relayed else None for advance in advances],
    )


SAVE_RELAYED: Final = """
    UPDATE lane
       SET relayed_seq = noted.relayed_seq,
           previous = noted.previous
      FROM unnest($2::text[], $3::integer[], $4::bigint[], $5::text[], $6::bigint[])
        AS noted (topic, partition, relayed_seq, previous, seq)
     WHERE lane.consumer = $1
       AND lane.topic = noted.topic
       AND lane.partition = noted.partition
       AND lane.seq = noted.seq
       AND lane.relayed_seq < noted.relayed_seq
"""


async def save_relayed(
    conn: Connection, consumer: str, relayed: Mapping[Lane, RelayProgress], seqs: Mapping[Lane, int]
) -> None:
    """Note what is relayed without a batch, for lanes that still stand at the number remembered for them."""
    await conn.execute(
        SAVE_RELAYED,
        consumer,
        *_lane_columns(relayed),
        [each.seq for each in relayed.values()],
        [each.previous for each in relayed.values()],
        [seqs[lane] for lane in relayed],
    )


SELECT_LANES: Final = """
    SELECT topic, partition, next_offset, seq, relayed_seq, previous, cluster_id, topic_id
      FROM lane
     WHERE consumer = $1
       AND (topic, partition) IN (SELECT * FROM unnest($2::text[], $3::integer[]))
"""


async def load_lanes(conn: Connection, consumer: str, lanes: Collection[Lane]) -> dict[Lane, StoredLane]:
    """Read lanes' rows in full, without locking them."""
    rows = await conn.fetch(SELECT_LANES, consumer, *_lane_columns(lanes))
    return {
        Lane(row["topic"], row["partition"]): StoredLane(
            LanePosition(row["next_offset"], row["seq"], row["relayed_seq"]),
            json.loads(row["previous"]),
            row["cluster_id"],
            row["topic_id"],
        )
        for row in rows
    }


UPSERT_INITIAL_POSITION: Final = """
    INSERT INTO lane (consumer, topic, partition, next_offset, cluster_id, topic_id)
    VALUES ($1, $2, $3, $4, $5, $6)
    ON CONFLICT (consumer, topic, partition) DO UPDATE
       SET next_offset = CASE WHEN lane.next_offset < 0 THEN excluded.next_offset ELSE lane.next_offset END,
           cluster_id = coalesce(lane.cluster_id, excluded.cluster_id),
           topic_id = coalesce(lane.topic_id, excluded.topic_id)
"""


class InitialPosition(NamedTuple):
    """Where a lane that has no place yet begins, and in which log."""

    next_offset: int
    cluster_id: str
    topic_id: str


async def save_initial_position(conn: Connection, consumer: str, lane: Lane, position: InitialPosition) -> None:
    """Give a lane its row, or fill in what an operator left open; what is known already stays."""
    await conn.execute(
        UPSERT_INITIAL_POSITION,
        consumer,
        lane.topic,
        lane.partition,
        position.next_offset,
        position.cluster_id,
        position.topic_id,
    )


def _lane_columns(lanes: Iterable[Lane]) -> tuple[list[str], list[int]]:
    lane_list = list(lanes)
    return [lane.topic for lane in lane_list], [lane.partition for lane in lane_list]
