"""Dead letters: stored whole and encrypted in the service's schema, announced by reference, redriven by an operator."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final, NamedTuple
from uuid import NAMESPACE_OID, UUID, uuid5

import asyncpg

from paidan_chassis.consumer.batch import DeadLetter, Record
from paidan_chassis.consumer.record_content import RecordContent
from paidan_chassis.database import Connection
from paidan_chassis.encryption import Cipher, Ciphertext, DecryptionFailed
from paidan_chassis.errors import Halt
from paidan_chassis.kafka.cloudevents import encode_headers, format_rfc3339
from paidan_chassis.kafka.cluster import DEAD_LETTERS
from paidan_chassis.kafka.message import Message
from paidan_chassis.kafka.producer import ProducerRecord, Publisher

_NAMESPACE: Final = uuid5(NAMESPACE_OID, "paidan.dead-letters")
_EVENT_TYPE: Final = "record.buried.v1"
_NOT_ENCRYPTED: Final = "was stored before dead letters were encrypted: only its topic may still have it"
_NON_UTF8_HEADER_NAME: Final = (
    "has a header whose name is not UTF-8, which no client here can write: let its sender repeat it"
)


class DeadLetterLimitExceeded(Halt):
    """More dead letters than the limit within an hour: a faulty deployment is likelier than faulty records."""


class RedriveResult(NamedTuple):
    """How many dead letters were redriven, and those that could not be, each with what to do instead."""

    redriven: int
    skipped: "list[tuple[StoredDeadLetter, str]]"


@dataclass(frozen=True, slots=True)
class StoredDeadLetter:
    """A dead letter as stored: the record's position and the reason. Its content is encrypted (see ``decrypt``)."""

    letter_id: UUID
    consumer: str
    topic: str
    partition: int
    offset: int
    reason: str
    detail: str
    dead_lettered_at: datetime
    redriven_at: datetime | None
    ciphertext: Ciphertext | None = field(repr=False)
    """None: stored by a release that did not encrypt."""


def dead_letter_id(consumer: str, record: Record) -> UUID:
    """Return a dead letter's id, the same one on every replay."""
    return uuid5(_NAMESPACE, json.dumps([consumer, record.topic, record.partition, record.offset]))


def announcements(consumer: str, dead_letters: Sequence[DeadLetter]) -> list[tuple[Record, Message]]:
    """Return a message for each dead letter, with its cause."""
    return [(each.record, _announcement(consumer, each)) for each in dead_letters]


def _announcement(consumer: str, dead_letter: DeadLetter) -> Message:
    """Return the message that announces a dead letter without its content."""
    record, reason, detail = dead_letter
    letter_id = str(dead_letter_id(consumer, record))
    body = {
        "type": _EVENT_TYPE,
        "letter_id": letter_id,
        "service": consumer,
        "topic": record.topic,
        "partition": record.partition,
        "offset": record.offset,
        "reason": reason,
        "detail": detail,
        "attempts": 1,
        "buried_at": format_rfc3339(record.appended_at),
    }
    headers = encode_headers(letter_id, f"paidan/{consumer}", _EVENT_TYPE, record.appended_at, str(record.lane))
    value = json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode(errors="replace")
    return Message(DEAD_LETTERS, str(record.lane), value, headers)


# When its topic is created again, the same offset holds another record: then the newer one is stored.
UPSERT_DEAD_LETTER: Final = """
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
COUNT_RECENT: Final = """
    SELECT count(*)
      FROM dead_letter
     WHERE consumer = $1
       AND buried_at > greatest(
            clock_timestamp() - interval '1 hour',
            (SELECT max(resumed_at) FROM halt WHERE consumer = $1))
"""


async def store(
    conn: Connection, consumer: str, dead_letters: Sequence[DeadLetter], *, limit: int | None, cipher: Cipher
) -> None:
    """Store dead letters in the batch's transaction; raises ``DeadLetterLimitExceeded`` past a limit of an hour."""
    await conn.executemany(UPSERT_DEAD_LETTER, [_to_row(consumer, dead_letter, cipher) for dead_letter in dead_letters])
    if limit is None:
        return
    recent_count = await conn.fetchval(COUNT_RECENT, consumer)
    if recent_count > limit:
        last = dead_letters[-1]
        raise DeadLetterLimitExceeded(
            "dead_letter_limit", f"{recent_count} within an hour; the last: {last.reason} at {last.record.lane}"
        )


def _to_row(consumer: str, dead_letter: DeadLetter, cipher: Cipher) -> tuple[object, ...]:
    record = dead_letter.record
    letter_id = dead_letter_id(consumer, record)
    ciphertext = cipher.encrypt(RecordContent.of(record).pack(), associated_data=str(letter_id))
    return (
        letter_id,
        consumer,
        record.topic,
        record.partition,
        record.offset,
        ciphertext.key_id,
        ciphertext.body,
        _strip_unstorable(dead_letter.reason),
        _strip_unstorable(dead_letter.detail),
    )


def _strip_unstorable(text: str) -> str:
    return text.replace("\x00", "").encode(errors="replace").decode()


_COLUMNS: Final = """letter_id, consumer, topic, partition, log_offset, key_id, sealed,
           reason, detail, buried_at, redriven_at"""
SELECT_DEAD_LETTERS: Final = f"""
    SELECT {_COLUMNS}
      FROM dead_letter
     WHERE redriven_at IS NULL OR NOT $1
     ORDER BY buried_at, letter_id
     LIMIT $2
"""
SELECT_BY_IDS: Final = f"""
    SELECT {_COLUMNS}
      FROM dead_letter
     WHERE letter_id = ANY($1::uuid[])
     ORDER BY consumer, topic, partition, log_offset
"""
# In log order; the ids alone, because the content may be large.
SELECT_IDS_TO_REDRIVE: Final = """
    SELECT letter_id
      FROM dead_letter
     WHERE letter_id = ANY($1::uuid[])
        OR ($1 IS NULL AND redriven_at IS NULL)
     ORDER BY consumer, topic, partition, log_offset
"""
MARK_REDRIVEN: Final = """
    UPDATE dead_letter
       SET redriven_at = clock_timestamp()
     WHERE letter_id = ANY($1::uuid[])
"""


async def list_dead_letters(
    conn: Connection, *, unredriven_only: bool = True, limit: int = 100
) -> Sequence[StoredDeadLetter]:
    """Return dead letters, oldest first."""
    return [_from_row(row) for row in await conn.fetch(SELECT_DEAD_LETTERS, unredriven_only, limit)]


async def get(conn: Connection, letter_id: UUID) -> StoredDeadLetter | None:
    """Return one dead letter."""
    rows = await conn.fetch(SELECT_BY_IDS, [letter_id])
    return _from_row(rows[0]) if rows else None


async def ids_to_redrive(conn: Connection, letter_ids: Sequence[UUID] | None) -> Sequence[UUID]:
    """Return those of these ids that exist, or all not redriven yet, in the order in which to redrive them."""
    return [row["letter_id"] for row in await conn.fetch(SELECT_IDS_TO_REDRIVE, letter_ids)]


def decrypt(dead_letter: StoredDeadLetter, cipher: Cipher) -> RecordContent:
    """Decrypt a dead letter's content, which may hold personal data; raises ``DecryptionFailed``."""
    if dead_letter.ciphertext is None:
        raise DecryptionFailed(f"{dead_letter.letter_id} {_NOT_ENCRYPTED}")
    return RecordContent.unpack(cipher.decrypt(dead_letter.ciphertext, associated_data=str(dead_letter.letter_id)))


async def redrive(
    conn: Connection, publisher: Publisher, letter_ids: Sequence[UUID], *, cipher: Cipher
) -> RedriveResult:
    """Append the records again, unchanged, to the partitions they came from, in their order, then mark them redriven.

    A crash in between appends them twice, which the lane drops as it drops every repeat. Those that can never be
    appended are skipped and returned. Raises ``DecryptionFailed`` before any is appended when one needs another key.
    """
    dead_letters = [_from_row(row) for row in await conn.fetch(SELECT_BY_IDS, list(letter_ids))]
    skipped = [(dead_letter, _NOT_ENCRYPTED) for dead_letter in dead_letters if dead_letter.ciphertext is None]
    producer_records = [
        (each, _to_producer_record(each, decrypt(each, cipher))) for each in dead_letters if each.ciphertext is not None
    ]
    skipped += [
        (each, _NON_UTF8_HEADER_NAME)
        for each, producer_record in producer_records
        if not _has_utf8_header_names(producer_record)
    ]
    writable = {each.letter_id: content for each, content in producer_records if _has_utf8_header_names(content)}
    await publisher.send_in_order(list(writable.values()))
    await conn.execute(MARK_REDRIVEN, list(writable))
    return RedriveResult(len(writable), skipped)


def _has_utf8_header_names(producer_record: ProducerRecord) -> bool:
    # aiokafka writes names as UTF-8 alone; those that are not were read with lone surrogates in their place.
    return not any("\udc80" <= character <= "\udcff" for name, _ in producer_record.headers for character in name)


def _to_producer_record(dead_letter: StoredDeadLetter, content: RecordContent) -> ProducerRecord:
    return ProducerRecord(dead_letter.topic, dead_letter.partition, content.key, content.value, list(content.headers))


def _from_row(row: asyncpg.Record) -> StoredDeadLetter:
    return StoredDeadLetter(
        letter_id=row["letter_id"],
        consumer=row["consumer"],
        topic=row["topic"],
        partition=row["partition"],
        offset=row["log_offset"],
        reason=row["reason"],
        detail=row["detail"],
        dead_lettered_at=row["buried_at"],
        redriven_at=row["redriven_at"],
        ciphertext=None if row["sealed"] is None else Ciphertext(row["key_id"], row["sealed"]),
    )
