"""Records set aside: kept whole and sealed in the service's schema, announced by reference, put back by an operator."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final, NamedTuple
from uuid import NAMESPACE_OID, UUID, uuid5

import asyncpg

from paidan_chassis.consumer.errors import Halt
from paidan_chassis.consumer.record_content import Carried
from paidan_chassis.consumer.records import Message, Record
from paidan_chassis.database import Connection
from paidan_chassis.encryption import Cipher, Sealed, Unopenable
from paidan_chassis.kafka.cloudevents import Attributes, encode, rfc3339
from paidan_chassis.kafka.cluster import DEAD_LETTERS
from paidan_chassis.kafka.producer import Parcel, Publisher

_NAMESPACE: Final = uuid5(NAMESPACE_OID, "paidan.dead-letters")
_TYPE: Final = "record.buried.v1"
_UNSEALED: Final = "was set aside before records were sealed: its topic alone may have it still"
_UNWRITABLE: Final = "has a header whose name is not UTF-8, which no client here can write: let its sender repeat it"


class OneTooMany(Halt):
    """So many dead letters within the hour look like a wrong deployment rather than wrong records."""


class Burial(NamedTuple):
    """A record that is being set aside, and why. ``detail`` quotes no value."""

    record: Record
    reason: str
    detail: str


class Redriven(NamedTuple):
    """How many letters were put back, and which could not be, each with what to do instead."""

    done: int
    left: "list[tuple[DeadLetter, str]]"


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """A record that was set aside: where it came from and why. What it carried takes a key to see (``opened``)."""

    letter_id: UUID
    consumer: str
    topic: str
    partition: int
    offset: int
    reason: str
    detail: str
    buried_at: datetime
    redriven_at: datetime | None
    sealed: Sealed | None = field(repr=False)
    """None: set aside by a release that did not seal."""


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
    INSERT INTO dead_letter (letter_id, consumer, topic, partition, log_offset, key_id, sealed, reason, detail)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
    ON CONFLICT (letter_id) DO UPDATE
       SET key_id = excluded.key_id,
           sealed = excluded.sealed,
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


async def bury(conn: Connection, consumer: str, burials: Sequence[Burial], *, limit: int, cipher: Cipher) -> None:
    """Keep records inside the batch's transaction; raises ``OneTooMany`` past the limit of an hour."""
    await conn.executemany(BURY, [_row(consumer, burial, cipher) for burial in burials])
    dead = await conn.fetchval(COUNTED, consumer)
    if dead > limit:
        last = burials[-1]
        raise OneTooMany("dead_letter_limit", f"{dead} within an hour; the last: {last.reason} at {last.record.lane}")


def _row(consumer: str, burial: Burial, cipher: Cipher) -> tuple[object, ...]:
    record = burial.record
    named = letter_id(consumer, record)
    sealed = cipher.seal(Carried.by(record).pack(), bound_to=str(named))
    return (
        named,
        consumer,
        record.topic,
        record.partition,
        record.offset,
        sealed.key_id,
        sealed.body,
        _storable(burial.reason),
        _storable(burial.detail),
    )


def _storable(text: str) -> str:
    return text.replace("\x00", "").encode(errors="replace").decode()


_COLUMNS: Final = """letter_id, consumer, topic, partition, log_offset, key_id, sealed,
           reason, detail, buried_at, redriven_at"""
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
# In their old order; the ids alone, for what they carried may be large.
TO_PUT_BACK: Final = """
    SELECT letter_id
      FROM dead_letter
     WHERE letter_id = ANY($1::uuid[])
        OR ($1 IS NULL AND redriven_at IS NULL)
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


async def to_put_back(conn: Connection, named: Sequence[UUID] | None) -> Sequence[UUID]:
    """Name the letters that there are of these, or all that were not put back yet, in the order to put them back in."""
    return [row["letter_id"] for row in await conn.fetch(TO_PUT_BACK, named)]


def opened(each: DeadLetter, cipher: Cipher) -> Carried:
    """Open what a dead letter carried; raises ``Unopenable``. It may hold personal data: show it to nobody unasked."""
    if each.sealed is None:
        raise Unopenable(f"{each.letter_id} {_UNSEALED}")
    return Carried.unpack(cipher.open(each.sealed, bound_to=str(each.letter_id)))


async def redrive(conn: Connection, publisher: Publisher, letter_ids: Sequence[UUID], *, cipher: Cipher) -> Redriven:
    """Append the records again, as they were, to the topics they came from, then mark them.

    They go to the partition they came from, in their old order. A crash in between appends them twice, which the
    lane drops as it drops every repeat. Those that nobody can ever append are left as they are, and named. Raises
    ``Unopenable``, before any is appended, when another key may open one.
    """
    letters = [_read(row) for row in await conn.fetch(CHOSEN, list(letter_ids))]
    left = [(each, _UNSEALED) for each in letters if each.sealed is None]
    parcels = [(each, _again(each, opened(each, cipher))) for each in letters if each.sealed is not None]
    left += [(each, _UNWRITABLE) for each, parcel in parcels if not _is_writable(parcel)]
    writable = {each.letter_id: parcel for each, parcel in parcels if _is_writable(parcel)}
    await publisher.carry(list(writable.values()))
    await conn.execute(REDRIVEN, list(writable))
    return Redriven(len(writable), left)


def _is_writable(parcel: Parcel) -> bool:
    # aiokafka writes names as UTF-8 alone; those that are not were read with lone surrogates in their place.
    return not any("\udc80" <= letter <= "\udcff" for name, _ in parcel.headers for letter in name)


def _again(each: DeadLetter, carried: Carried) -> Parcel:
    return Parcel(each.topic, each.partition, carried.key, carried.value, list(carried.headers))


def _read(row: asyncpg.Record) -> DeadLetter:
    return DeadLetter(
        letter_id=row["letter_id"],
        consumer=row["consumer"],
        topic=row["topic"],
        partition=row["partition"],
        offset=row["log_offset"],
        reason=row["reason"],
        detail=row["detail"],
        buried_at=row["buried_at"],
        redriven_at=row["redriven_at"],
        sealed=None if row["sealed"] is None else Sealed(row["key_id"], row["sealed"]),
    )
