"""Dead letters: stored whole and encrypted in the service's schema, found, decrypted, dropped by an operator."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final
from uuid import NAMESPACE_OID, UUID, uuid5

import asyncpg

from paidan_chassis.consumer.batch import DeadLetter, Record
from paidan_chassis.consumer.config import Subscription
from paidan_chassis.consumer.record_content import RecordContent
from paidan_chassis.consumer.senders import known_sender_of
from paidan_chassis.database import Connection
from paidan_chassis.encryption import Cipher, Ciphertext, DecryptionFailed
from paidan_chassis.errors import Halt

_NAMESPACE: Final = uuid5(NAMESPACE_OID, "paidan.dead-letters")
NOT_ENCRYPTED: Final = (
    "was stored before dead letters were encrypted: only its topic may still have it",
    "存放于死信加密之前：或许只有其主题中还有",
)


class DeadLetterLimitExceeded(Halt):
    """More dead letters than the limit within an hour: a faulty deployment is likelier than faulty records."""


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
    dropped_at: datetime | None
    dropped_by: str | None
    dropped_because: str | None
    ciphertext: Ciphertext | None = field(repr=False)
    """None: stored by a release that did not encrypt."""


def dead_letter_id(consumer: str, record: Record) -> UUID:
    """Return a dead letter's id, the same one on every replay."""
    return uuid5(_NAMESPACE, json.dumps([consumer, record.topic, record.partition, record.offset]))


# When its topic is created again, the same offset holds another record: then the newer one is stored.
UPSERT_DEAD_LETTER: Final = """
    INSERT INTO dead_letter (letter_id, consumer, topic, partition, log_offset, key_id, sealed, reason, detail, sender)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
    ON CONFLICT (letter_id) DO UPDATE
       SET key_id = excluded.key_id,
           sealed = excluded.sealed,
           reason = excluded.reason,
           detail = excluded.detail,
           sender = excluded.sender,
           buried_at = excluded.buried_at,
           redriven_at = NULL,
           redriven_to = NULL,
           redrive_tries = 0,
           redrive_from = NULL,
           dropped_at = NULL,
           dropped_by = NULL,
           dropped_because = NULL
"""
COUNT_RECENT: Final = """
    SELECT count(*)
      FROM dead_letter
     WHERE consumer = $1
       AND buried_at > greatest(
            clock_timestamp() - interval '1 hour',
            (SELECT max(resumed_at) FROM halt WHERE consumer = $1))
"""


async def store(conn: Connection, subscription: Subscription, dead_letters: Sequence[DeadLetter]) -> None:
    """Store dead letters in the batch's transaction.

    Raises ``DeadLetterLimitExceeded`` past the limit of an hour, unless the limit is each sender's.
    """
    await conn.executemany(UPSERT_DEAD_LETTER, [_to_row(subscription, each) for each in dead_letters])
    if subscription.written_by_others:
        return
    recent_count = await conn.fetchval(COUNT_RECENT, subscription.name)
    if recent_count > subscription.tuning.dead_letter_limit:
        last = dead_letters[-1]
        raise DeadLetterLimitExceeded(
            "dead_letter_limit",
            f"{recent_count} within an hour; the last: {last.reason} at {last.record.lane}"
            f" | 一小时内 {recent_count} 条；最后一条：{last.reason}，位于 {last.record.lane}",
        )


def _to_row(subscription: Subscription, dead_letter: DeadLetter) -> tuple[object, ...]:
    record = dead_letter.record
    letter_id = dead_letter_id(subscription.name, record)
    ciphertext = subscription.cipher.encrypt(RecordContent.of(record).pack(), associated_data=str(letter_id))
    return (
        letter_id,
        subscription.name,
        record.topic,
        record.partition,
        record.offset,
        ciphertext.key_id,
        ciphertext.body,
        _strip_unstorable(dead_letter.reason),
        _strip_unstorable(dead_letter.detail),
        known_sender_of(record, subscription),
    )


def _strip_unstorable(text: str) -> str:
    return text.replace("\x00", "").encode(errors="replace").decode()


_COLUMNS: Final = """letter_id, consumer, topic, partition, log_offset, key_id, sealed,
           reason, detail, buried_at, redriven_at, dropped_at, dropped_by, dropped_because"""
SELECT_DEAD_LETTERS: Final = f"""
    SELECT {_COLUMNS}
      FROM dead_letter
     WHERE (redriven_at IS NULL AND dropped_at IS NULL) OR NOT $1
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
        OR ($1 IS NULL AND redriven_at IS NULL AND dropped_at IS NULL)
     ORDER BY consumer, topic, partition, log_offset
"""
SELECT_IDS_BY_PREFIX: Final = """
    SELECT letter_id
      FROM dead_letter
     WHERE starts_with(letter_id::text, $1)
     ORDER BY letter_id
     LIMIT $2
"""
MARK_DROPPED: Final = """
    UPDATE dead_letter
       SET dropped_at = clock_timestamp(),
           dropped_by = $2,
           dropped_because = $3
     WHERE letter_id = ANY($1::uuid[])
       AND redriven_at IS NULL
       AND dropped_at IS NULL
 RETURNING letter_id
"""


async def load_oldest(conn: Connection, *, waiting_only: bool = True, limit: int = 100) -> list[StoredDeadLetter]:
    """Return dead letters, oldest first; by default those that were neither redriven nor dropped."""
    return [_from_row(row) for row in await conn.fetch(SELECT_DEAD_LETTERS, waiting_only, limit)]


async def load(conn: Connection, letter_ids: Sequence[UUID]) -> list[StoredDeadLetter]:
    """Return the dead letters with these ids, in the order in which to redrive them."""
    return [_from_row(row) for row in await conn.fetch(SELECT_BY_IDS, list(letter_ids))]


async def load_ids_by_prefix(conn: Connection, prefix: str, *, limit: int = 3) -> list[UUID]:
    """Return the ids that begin so, a few at most."""
    return [row["letter_id"] for row in await conn.fetch(SELECT_IDS_BY_PREFIX, prefix, limit)]


async def drop(conn: Connection, letter_ids: Sequence[UUID], *, by: str, because: str) -> list[UUID]:
    """Record that letters will never be redriven, who says so and why; return those that waited until now.

    Their content stays, for the records have no other place once their topic has deleted them.
    """
    return [row["letter_id"] for row in await conn.fetch(MARK_DROPPED, list(letter_ids), by, because)]


async def load_ids_to_redrive(conn: Connection, letter_ids: Sequence[UUID] | None) -> Sequence[UUID]:
    """Return those of these ids that exist, or all that wait, in the order in which to redrive them."""
    return [row["letter_id"] for row in await conn.fetch(SELECT_IDS_TO_REDRIVE, letter_ids)]


def decrypt(dead_letter: StoredDeadLetter, cipher: Cipher) -> RecordContent:
    """Decrypt a dead letter's content, which may hold personal data; raises ``DecryptionFailed``."""
    if dead_letter.ciphertext is None:
        raise DecryptionFailed(f"{dead_letter.letter_id} {' / '.join(NOT_ENCRYPTED)}")
    return RecordContent.unpack(cipher.decrypt(dead_letter.ciphertext, associated_data=str(dead_letter.letter_id)))


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
        dropped_at=row["dropped_at"],
        dropped_by=row["dropped_by"],
        dropped_because=row["dropped_because"],
        ciphertext=None if row["sealed"] is None else Ciphertext(row["key_id"], row["sealed"]),
    )
