"""The statements of a take-over: read lanes' rows in full, and insert the missing ones."""

import json
from collections.abc import Collection, Mapping
from typing import Final, NamedTuple

from paidan_chassis.consumer.batch import Lane
from paidan_chassis.consumer.positions import LanePosition, lane_columns
from paidan_chassis.database import Connection


class StoredLane(NamedTuple):
    """A lane's row in full."""

    position: LanePosition
    relayed_seq: int
    previous: Mapping[str, int]
    """The last relayed sequence per topic-partition."""
    cluster_id: str | None
    topic_id: str | None


SELECT_LANES: Final = """
    SELECT topic, partition, next_offset, seq, relayed_seq, previous, cluster_id, topic_id
      FROM lane
     WHERE consumer = $1
       AND (topic, partition) IN (SELECT * FROM unnest($2::text[], $3::integer[]))
"""


async def load_lanes(conn: Connection, consumer: str, lanes: Collection[Lane]) -> dict[Lane, StoredLane]:
    """Return lanes' rows in full, without locking them."""
    rows = await conn.fetch(SELECT_LANES, consumer, *lane_columns(lanes))
    return {
        Lane(row["topic"], row["partition"]): StoredLane(
            LanePosition(row["next_offset"], row["seq"]),
            row["relayed_seq"],
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
    """Where a lane without a position begins, and in which log."""

    next_offset: int
    cluster_id: str
    topic_id: str


async def save_initial_position(conn: Connection, consumer: str, lane: Lane, position: InitialPosition) -> None:
    """Insert a lane's row, or fill in what an operator left open; known values stay."""
    await conn.execute(
        UPSERT_INITIAL_POSITION,
        consumer,
        lane.topic,
        lane.partition,
        position.next_offset,
        position.cluster_id,
        position.topic_id,
    )
