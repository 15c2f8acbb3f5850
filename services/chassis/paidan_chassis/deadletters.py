"""Records set aside: kept whole in the service's schema, announced by reference, put back by an operator."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final, NamedTuple
from uuid import NAMESPACE_OID, UUID, uuid5

import asyncpg

from paidan_chassis.cloudevents import Attributes, encode, rfc3339
from paidan_chassis.database import Connection
from paidan_chassis.failures import Halt
from paidan_chassis.kafka import DEAD_LETTERS
from paidan_chassis.producer import Parcel, Publisher
from paidan_chassis.records import Message, Record

_NAMESPACE: Final = uuid5(NAMESPACE_OID, "paidan.dead-letters")
_TYPE: Final = "record.buried.v1"


class Burial(NamedTuple):
    """A record that is being set aside, and why. ``detail`` quotes no value."""

    record: Record
    reason: str
    detail: str


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """A record that was set aside. ``value`` and ``headers`` may hold personal data: show them to nobody unasked."""

    letter_id: UUID
    consumer: str
    topic: str
    partition: int
    offset: int
    key: bytes | None
    value: bytes | None
    headers: tuple[tuple[str, bytes | None], ...]
    reason: str
    detail: str
    buried_at: datetime
    redriven_at: datetime | None


def letter_id(consumer: str, record: Record) -> UUID:
    """Name a dead letter by its cause, so that a replay names it alike."""
    return uuid5(_NAMESPACE, json.dumps([consumer, record.topic, record.partition, record.offset]))


def announcement(consumer: str, burial: Burial) -> Message:
    """Say that a record was set aside, without a byte of it."""
    record, reason, detail = burial
    named = str(letter_id(consumer, record))
    body = {
        "type": _TYPE,
        "letter_id": named,
        "service": consumer,
        "topic": record.topic,
        "partition": record.partition,
        "offset": record.offset,
        "reason": reason,
        "detail": detail,
        "attempts": 1,
        "buried_at": rfc3339(record.appended_at),
    }
    attributes = Attributes(
        id=named, source=f"paidan/{consumer}", type=_TYPE, time=record.appended_at, subject=str(record.lane)
    )
    value = json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode(errors="replace")
    return Message(DEAD_LETTERS, str(record.lane), value, tuple(encode(attributes)))


# Should its topic be made anew, an offset comes again with another record: then the newer one is kept.
BURY: Final = """
    INSERT INTO dead_letter (letter_id, consumer, topic, partition, log_offset, key, value,
                             header_names, header_values, reason, detail)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)
    ON CONFLICT (letter_id) DO UPDATE
       SET key = excluded.key,
           value = excluded.value,
           header_names = excluded.header_names,
           header_values = excluded.header_values,
           reason = excluded.reason,
           detail = excluded.detail,
           buried_at = excluded.buried_at,
           redriven_at = NULL
"""
COUNTED: Final = """
    SELECT count(*)
      FROM dead_letter
     WHERE consumer = $1
       AND buried_at > greatest(
            clock_timestamp() - interval '1 hour',
            (SELECT max(resumed_at) FROM halt WHERE consumer = $1))
"""


async def bury(conn: Connection, consumer: str, burials: Sequence[Burial], *, limit: int) -> None:
    """Keep records inside the batch's transaction; raises ``Halt`` once more than the limit died within the hour."""
    await conn.executemany(BURY, [_row(consumer, burial) for burial in burials])
    dead = await conn.fetchval(COUNTED, consumer)
    if dead > limit:
        last = burials[-1]
        raise Halt("dead_letter_limit", f"{dead} within an hour; the last: {last.reason} at {last.record.lane}")


def _row(consumer: str, burial: Burial) -> tuple[object, ...]:
    record = burial.record
    return (
        letter_id(consumer, record),
        consumer,
        record.topic,
        record.partition,
        record.offset,
        record.key,
        record.value,
        [name.encode(errors="surrogateescape") for name, _ in record.headers],
        [value for _, value in record.headers],
        _storable(burial.reason),
        _storable(burial.detail),
    )


def _storable(text: str) -> str:
    return text.replace("\x00", "").encode(errors="replace").decode()


_COLUMNS: Final = """letter_id, consumer, topic, partition, log_offset, key, value,
           header_names, header_values, reason, detail, buried_at, redriven_at"""
KEPT: Final = f"""
    SELECT {_COLUMNS}
      FROM dead_letter
     WHERE redriven_at IS NULL OR NOT $1
     ORDER BY buried_at, letter_id
     LIMIT $2
"""
CHOSEN: Final = f"""
    SELECT {_COLUMNS}
      FROM dead_letter
     WHERE letter_id = ANY($1::uuid[])
     ORDER BY consumer, topic, partition, log_offset
"""
REDRIVEN: Final = """
    UPDATE dead_letter
       SET redriven_at = clock_timestamp()
     WHERE letter_id = ANY($1::uuid[])
"""


async def kept(conn: Connection, *, waiting_only: bool = True, limit: int = 100) -> Sequence[DeadLetter]:
    """Read dead letters, oldest first."""
    return [_read(row) for row in await conn.fetch(KEPT, waiting_only, limit)]


async def letter(conn: Connection, named: UUID) -> DeadLetter | None:
    """Read one."""
    rows = await conn.fetch(CHOSEN, [named])
    return _read(rows[0]) if rows else None


async def redrive(conn: Connection, publisher: Publisher, letter_ids: Sequence[UUID]) -> int:
    """Append the records again, as they were, to the topics they came from, then mark them; tells how many.

    They go to the partition they came from, in their old order. A crash in between appends them twice, which the
    lane drops as it drops every repeat.
    """
    letters = [_read(row) for row in await conn.fetch(CHOSEN, list(letter_ids))]
    await publisher.carry([_again(each) for each in letters])
    await conn.execute(REDRIVEN, [each.letter_id for each in letters])
    return len(letters)


def _again(each: DeadLetter) -> Parcel:
    return Parcel(each.topic, each.partition, each.key, each.value, list(each.headers))


def _read(row: asyncpg.Record) -> DeadLetter:
    names = [name.decode(errors="surrogateescape") for name in row["header_names"]]
    return DeadLetter(
        letter_id=row["letter_id"],
        consumer=row["consumer"],
        topic=row["topic"],
        partition=row["partition"],
        offset=row["log_offset"],
        key=row["key"],
        value=row["value"],
        headers=tuple(zip(names, row["header_values"], strict=True)),
        reason=row["reason"],
        detail=row["detail"],
        buried_at=row["buried_at"],
        redriven_at=row["redriven_at"],
    )
