"""The statements of every batch: lock lanes' rows, then advance them together with the outbox's new messages."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Final, NamedTuple

from paidan_chassis.consumer.batch import Lane
from paidan_chassis.consumer.outbox_chunks import OutboxChunk, pack
from paidan_chassis.database import Connection

LOG_START: Final = -2
LOG_END: Final = -1


class LanePosition(NamedTuple):
    """A lane's position. ``next_offset`` is ``LOG_START`` or ``LOG_END`` after an operator chose to resume there."""

    next_offset: int
    seq: int
    relayed_seq: int


class RelayProgress(NamedTuple):
    """How far Kafka has acknowledged a lane's messages, and the last sequence per topic-partition then (as JSON)."""

    seq: int
    previous: str


class LaneAdvance(NamedTuple):
    """A lane's new position after a batch."""

    lane: Lane
    next_offset: int
    seq: int
    relayed: RelayProgress | None


# Always in this order, so that two owners never deadlock.
LOCK_LANES: Final = """
    SELECT topic, partition, next_offset, seq, relayed_seq
      FROM lane
     WHERE consumer = $1
       AND (topic, partition) IN (SELECT * FROM unnest($2::text[], $3::integer[]))
     ORDER BY topic, partition
       FOR UPDATE
"""


async def lock_lanes(conn: Connection, consumer: str, lanes: Collection[Lane]) -> dict[Lane, LanePosition]:
    """Lock lanes' rows until the transaction ends and return their positions. A lane without a row is left out."""
    rows = await conn.fetch(LOCK_LANES, consumer, *lane_columns(lanes))
    return {
        Lane(row["topic"], row["partition"]): LanePosition(row["next_offset"], row["seq"], row["relayed_seq"])
        for row in rows
    }


# Two statements in one round trip. relayed_seq never goes back: a frozen owner's may be older than its successor's.
ADVANCE_LANES: Final = """
    WITH emitted AS (
        INSERT INTO outbox (consumer, topic, partition, first_seq, last_seq, body)
        SELECT $1, emitted.*
          FROM unnest($7::text[], $8::integer[], $9::bigint[], $10::bigint[], $11::bytea[]) AS emitted)
    UPDATE lane
       SET next_offset = advanced.next_offset,
           seq = advanced.seq,
           relayed_seq = greatest(lane.relayed_seq, advanced.relayed_seq),
           previous = CASE WHEN advanced.relayed_seq > lane.relayed_seq THEN advanced.previous ELSE lane.previous END
      FROM unnest($2::text[], $3::integer[], $4::bigint[], $5::bigint[], $6::bigint[], $12::text[])
        AS advanced (topic, partition, next_offset, seq, relayed_seq, previous)
     WHERE lane.consumer = $1
       AND lane.topic = advanced.topic
       AND lane.partition = advanced.partition
"""


async def advance_lanes(
    conn: Connection, consumer: str, advances: Sequence[LaneAdvance], chunks: Sequence[OutboxChunk]
) -> None:
    """Advance locked lanes, store their messages in the outbox, save what is relayed."""
    await conn.execute(
        ADVANCE_LANES,
        consumer,
        *lane_columns([advance.lane for advance in advances]),
        [advance.next_offset for advance in advances],
        [advance.seq for advance in advances],
        [advance.relayed.seq if advance.relayed else 0 for advance in advances],
        *lane_columns([chunk.lane for chunk in chunks]),
        [chunk.first_seq for chunk in chunks],
        [chunk.last_seq for chunk in chunks],
        [pack(chunk) for chunk in chunks],
        [advance.relayed.previous if advance.relayed else None for advance in advances],
    )


SAVE_RELAYED: Final = """
    UPDATE lane
       SET relayed_seq = acknowledged.relayed_seq,
           previous = acknowledged.previous
      FROM unnest($2::text[], $3::integer[], $4::bigint[], $5::text[], $6::bigint[])
        AS acknowledged (topic, partition, relayed_seq, previous, seq)
     WHERE lane.consumer = $1
       AND lane.topic = acknowledged.topic
       AND lane.partition = acknowledged.partition
       AND lane.seq = acknowledged.seq
       AND lane.relayed_seq < acknowledged.relayed_seq
"""


async def save_relayed(
    conn: Connection, consumer: str, relayed: Mapping[Lane, RelayProgress], seqs: Mapping[Lane, int]
) -> None:
    """Save what is relayed outside of a batch, for lanes whose ``seq`` nobody else has moved."""
    await conn.execute(
        SAVE_RELAYED,
        consumer,
        *lane_columns(relayed),
        [each.seq for each in relayed.values()],
        [each.previous for each in relayed.values()],
        [seqs[lane] for lane in relayed],
    )


def lane_columns(lanes: Iterable[Lane]) -> tuple[list[str], list[int]]:
    """Return lanes as two columns for ``unnest``."""
    lane_list = list(lanes)
    return [lane.topic for lane in lane_list], [lane.partition for lane in lane_list]
