"""The statements of every batch: lock lanes' rows, advance them together with the outbox's new messages."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any, Final, NamedTuple

import asyncpg

from paidan_chassis.consumer.batch import Lane
from paidan_chassis.consumer.errors import LanesMoved
from paidan_chassis.consumer.outbox_chunks import OutboxChunk, pack
from paidan_chassis.consumer.writes import Write, combine
from paidan_chassis.database import Connection

LOG_START: Final = -2
LOG_END: Final = -1


class LanePosition(NamedTuple):
    """A lane's position. ``next_offset`` is ``LOG_START`` or ``LOG_END`` after an operator chose to resume there."""

    next_offset: int
    seq: int


class RelayProgress(NamedTuple):
    """How far Kafka has acknowledged a lane's messages, and the last sequence per topic-partition then (as JSON)."""

    seq: int
    previous: str


class LaneAdvance(NamedTuple):
    """A lane's new position after a batch."""

    lane: Lane
    before: LanePosition
    next_offset: int
    seq: int
    relayed: RelayProgress | None


# Always in this order, so that two owners never deadlock.
LOCK_LANES: Final = """
    SELECT topic, partition, next_offset, seq
      FROM lane
     WHERE consumer = $1
       AND (topic, partition) IN (SELECT * FROM unnest($2::text[], $3::integer[]))
     ORDER BY topic, partition
       FOR UPDATE
"""


async def lock_lanes(conn: Connection, consumer: str, lanes: Collection[Lane]) -> dict[Lane, LanePosition]:
    """Lock lanes' rows until the transaction ends and return their positions. A lane without a row is left out."""
    return _positions(await conn.fetch(LOCK_LANES, consumer, *lane_columns(lanes)))


SELECT_POSITIONS: Final = """
    SELECT topic, partition, next_offset, seq
      FROM lane
     WHERE consumer = $1
       AND (topic, partition) IN (SELECT * FROM unnest($2::text[], $3::integer[]))
"""


async def load_positions(conn: Connection, consumer: str, lanes: Collection[Lane]) -> dict[Lane, LanePosition]:
    """Return lanes' positions without locking their rows. A lane without a row is left out."""
    return _positions(await conn.fetch(SELECT_POSITIONS, consumer, *lane_columns(lanes)))


# A lane that another owner has advanced is left out; LANES_MUST_MATCH then fails the whole statement.
# relayed_seq never goes back: a frozen owner's may be older than its successor's.
ADVANCE_LANES: Final = """
    UPDATE lane
       SET next_offset = advance.next_offset,
           seq = advance.seq,
           relayed_seq = greatest(lane.relayed_seq, advance.relayed_seq),
           previous = CASE WHEN advance.relayed_seq > lane.relayed_seq THEN advance.previous ELSE lane.previous END
      FROM unnest($2::text[], $3::integer[], $4::bigint[], $5::bigint[], $6::bigint[], $7::bigint[], $8::bigint[],
           $9::text[])
        AS advance (topic, partition, offset_before, seq_before, next_offset, seq, relayed_seq, previous)
     WHERE lane.consumer = $1
       AND lane.topic = advance.topic
       AND lane.partition = advance.partition
       AND lane.next_offset = advance.offset_before
       AND lane.seq = advance.seq_before
 RETURNING 1
"""
INSERT_OUTBOX: Final = """
    INSERT INTO outbox (consumer, topic, partition, first_seq, last_seq, body)
    SELECT $1, emitted.*
      FROM unnest($2::text[], $3::integer[], $4::bigint[], $5::bigint[], $6::bytea[]) AS emitted
"""
# PostgreSQL evaluates this SELECT first, and with it `advanced`: lanes' rows are locked before any other is written.
LANES_MUST_MATCH: Final = "SELECT require_lanes((SELECT count(*) FROM advanced), cardinality($2::text[]))"
LANES_MOVED: Final = "PDLM1"


def lane_writes(consumer: str, advances: Sequence[LaneAdvance], chunks: Collection[OutboxChunk]) -> list[Write]:
    """Return the writes that advance lanes, store their messages in the outbox, and save what is relayed."""
    advanced = Write(
        "advanced",
        ADVANCE_LANES,
        (
            consumer,
            *lane_columns([each.lane for each in advances]),
            [each.before.next_offset for each in advances],
            [each.before.seq for each in advances],
            [each.next_offset for each in advances],
            [each.seq for each in advances],
            [each.relayed.seq if each.relayed else 0 for each in advances],
            [each.relayed.previous if each.relayed else None for each in advances],
        ),
    )
    if not chunks:
        return [advanced]
    columns = (
        [each.first_seq for each in chunks],
        [each.last_seq for each in chunks],
        [pack(each) for each in chunks],
    )
    return [
        advanced,
        Write("emitted", INSERT_OUTBOX, (consumer, *lane_columns([each.lane for each in chunks]), *columns)),
    ]


async def write_if_unmoved(
    conn: Connection,
    consumer: str,
    advances: Sequence[LaneAdvance],
    chunks: Collection[OutboxChunk],
    others: Sequence[Write] = (),
) -> None:
    """Advance lanes, together with other writes, as one statement.

    Raises ``LanesMoved``, and writes nothing, when a lane is not where the advance begins: another owner's transaction
    that holds the lane's row is waited for first.
    """
    sql, arguments = combine([*lane_writes(consumer, advances, chunks), *others], LANES_MUST_MATCH)
    try:
        await conn.execute(sql, *arguments)
    except asyncpg.PostgresError as error:
        if error.sqlstate != LANES_MOVED:
            raise
        raise LanesMoved([each.lane for each in advances]) from error


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


def _positions(rows: Iterable[Sequence[Any]]) -> dict[Lane, LanePosition]:
    return {Lane(topic, partition): LanePosition(next_offset, seq) for topic, partition, next_offset, seq in rows}
