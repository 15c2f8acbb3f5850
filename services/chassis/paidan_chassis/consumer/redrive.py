"""Puts dead letters back, one after the other, and stops at the first that fails again."""

import asyncio
import time
from collections.abc import Sequence
from typing import Final, NamedTuple
from uuid import UUID

from paidan_chassis.consumer import dead_letters
from paidan_chassis.consumer.dead_letters import NOT_ENCRYPTED, StoredDeadLetter
from paidan_chassis.database import Connection
from paidan_chassis.encryption import Cipher
from paidan_chassis.kafka.producer import Publisher
from paidan_chassis.kafka.record_batch import ProducerRecord

DECIDED_WITHIN_S: Final = 30.0
_POLL_INTERVAL_S: Final = 0.01
_NON_UTF8_HEADER_NAME: Final = (
    "has a header whose name is not UTF-8, which no client here can write: let its sender repeat it"
)
_UNDECIDED: Final = "was appended and is not decided yet: is its loop halted or behind? `paidan status` shows it"


class RedriveResult(NamedTuple):
    """How many letters were put back, those that cannot be, and the one that stopped it, each with the reason."""

    redriven: int
    skipped: list[tuple[StoredDeadLetter, str]]
    stopped_at: tuple[StoredDeadLetter, str] | None = None


MARK_REDRIVEN: Final = """
    UPDATE dead_letter
       SET redriven_at = clock_timestamp()
     WHERE letter_id = $1
"""
MARK_WAITING: Final = """
    UPDATE dead_letter
       SET redriven_at = NULL
     WHERE letter_id = $1
"""
SELECT_NEXT_OFFSET: Final = """
    SELECT next_offset
      FROM lane
     WHERE consumer = $1
       AND topic = $2
       AND partition = $3
"""
SELECT_FAILURE: Final = """
    SELECT concat_ws(': ', reason, nullif(detail, '')) AS failure, letter_id
      FROM dead_letter
     WHERE consumer = $1
       AND topic = $2
       AND partition = $3
       AND log_offset = $4
 UNION ALL
    SELECT 'its sender ' || sender || ' is set aside, so it was only counted', NULL
      FROM sender_hour
     WHERE consumer = $1
       AND topic = $2
       AND partition = $3
       AND first_offset <= $4
       AND last_offset >= $4
"""


async def redrive(
    conn: Connection,
    publisher: Publisher,
    letter_ids: Sequence[UUID],
    *,
    cipher: Cipher,
    decided_within_s: float = DECIDED_WITHIN_S,
) -> RedriveResult:
    """Append records again, unchanged, to the partitions they came from, in their order, each once the last is decided.

    A crash in between appends one twice, which the lane drops as it drops every repeat. Those that can never be
    appended are skipped. Raises ``DecryptionFailed`` before any is appended when one needs another key.
    """
    letters = await dead_letters.load(conn, letter_ids)
    skipped = [(letter, NOT_ENCRYPTED) for letter in letters if letter.ciphertext is None]
    records = [(each, _to_producer_record(each, cipher)) for each in letters if each.ciphertext is not None]
    redriven = 0
    for letter, record in records:
        if not _has_utf8_header_names(record):
            skipped.append((letter, _NON_UTF8_HEADER_NAME))
            continue
        offset = await publisher.append(record)
        await conn.execute(MARK_REDRIVEN, letter.letter_id)
        redriven += 1
        if failure := await _failure_at(conn, letter, offset, within_s=decided_within_s):
            return RedriveResult(redriven, skipped, (letter, failure))
    return RedriveResult(redriven, skipped)


async def _failure_at(conn: Connection, letter: StoredDeadLetter, offset: int, *, within_s: float) -> str | None:
    """Wait until the record at this offset is decided, and return why it failed, if it did."""
    lane = (letter.consumer, letter.topic, letter.partition)
    deadline = time.monotonic() + within_s
    while (await conn.fetchval(SELECT_NEXT_OFFSET, *lane) or 0) <= offset:
        if time.monotonic() > deadline:
            return _UNDECIDED
        await asyncio.sleep(_POLL_INTERVAL_S)
    found = await conn.fetchrow(SELECT_FAILURE, *lane, offset)
    if found is None:
        return None
    if found["letter_id"] is None:
        await conn.execute(MARK_WAITING, letter.letter_id)  # this letter is the only copy that is kept
    return f"failed again at offset {offset}: {found['failure']}"


def _has_utf8_header_names(record: ProducerRecord) -> bool:
    # aiokafka writes names as UTF-8 alone; those that are not were read with lone surrogates in their place.
    return not any("\udc80" <= character <= "\udcff" for name, _ in record.headers for character in name)


def _to_producer_record(letter: StoredDeadLetter, cipher: Cipher) -> ProducerRecord:
    content = dead_letters.decrypt(letter, cipher)
    return ProducerRecord(letter.topic, letter.partition, content.key, content.value, list(content.headers))
