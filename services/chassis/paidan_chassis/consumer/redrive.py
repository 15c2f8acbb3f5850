"""Puts dead letters back, one after the other, and stops at the first that fails again."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Final, Literal, NamedTuple
from uuid import UUID

from paidan_chassis.consumer import dead_letters
from paidan_chassis.consumer.append_again import append_again
from paidan_chassis.consumer.dead_letters import NOT_ENCRYPTED, StoredDeadLetter
from paidan_chassis.database import Connection
from paidan_chassis.encryption import Cipher
from paidan_chassis.kafka.producer import Publisher
from paidan_chassis.kafka.record_batch import ProducerRecord

DECIDED_WITHIN_S: Final = 30.0
_POLL_INTERVAL_S: Final = 0.01


@dataclass(frozen=True, slots=True)
class Obstacle:
    """Why a letter was not redriven, or does not count as such: a code, and words in English and Chinese."""

    code: Literal["not_encrypted", "bad_header_name", "not_waiting", "in_hand", "undecided", "failed_again"]
    en: str
    zh: str

    def __str__(self) -> str:
        return f"{self.en} / {self.zh}"


WITHOUT_CONTENT: Final = Obstacle("not_encrypted", *NOT_ENCRYPTED)
NON_UTF8_HEADER_NAME: Final = Obstacle(
    "bad_header_name",
    "has a header whose name is not UTF-8, which no client here can write: let its sender repeat it",
    "有消息头名称不是 UTF-8，此处的客户端无法写出：请发送方重发",
)
NOT_WAITING: Final = Obstacle("not_waiting", "was redriven or dropped already", "已重投或丢弃")
IN_HAND: Final = Obstacle("in_hand", "is just being redriven or dropped by somebody else", "正由他人重投或丢弃")
UNDECIDED: Final = Obstacle(
    "undecided",
    "was appended and is not decided yet: is its loop halted or behind? `paidan status` shows it",
    "已追加而尚无结果：其循环停机或落后？见 `paidan status`",
)


class RedriveResult(NamedTuple):
    """How many letters were put back, those that cannot be, and the one that stopped it, each with the reason."""

    redriven: int
    skipped: list[tuple[StoredDeadLetter, Obstacle]]
    stopped_at: tuple[StoredDeadLetter, Obstacle] | None = None


async def _unrecorded(_conn: Connection, _letter: StoredDeadLetter) -> None:
    """Record nothing."""


MARK_WAITING: Final = """
    UPDATE dead_letter
       SET redriven_at = NULL,
           redriven_to = NULL
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
    SELECT concat_ws(': ', reason, nullif(detail, '')) AS failure,
           concat_ws('：', reason, nullif(detail, '')) AS failure_zh,
           letter_id
      FROM dead_letter
     WHERE consumer = $1
       AND topic = $2
       AND partition = $3
       AND log_offset = $4
 UNION ALL
    SELECT 'its sender ' || sender || ' is set aside, so it was only counted',
           '其发送方 ' || sender || ' 已搁置，故只计数',
           NULL
      FROM sender_hour
     WHERE consumer = $1
       AND topic = $2
       AND partition = $3
       AND first_offset <= $4
       AND last_offset >= $4
"""


async def redrive(  # noqa: PLR0913 - each is stated by name
    conn: Connection,
    publisher: Publisher,
    letter_ids: Sequence[UUID],
    *,
    cipher: Cipher,
    waiting_only: bool = False,
    decided_within_s: float = DECIDED_WITHIN_S,
    record_try: Callable[[Connection, StoredDeadLetter], Awaitable[None]] = _unrecorded,
) -> RedriveResult:
    """Append records again, unchanged, to the partitions they came from, in their order, each once the last is decided.

    Each is appended once, although a process dies in between or somebody else redrives it too. Those that can never be
    appended are skipped, with ``waiting_only`` those that were redriven or dropped, too. ``record_try`` is called
    before each is appended. Raises ``DecryptionFailed`` before any is appended when one needs another key.
    """
    letters, skipped = _select_from(await dead_letters.load(conn, letter_ids), waiting_only=waiting_only)
    records = [(each, _to_producer_record(each, cipher)) for each in letters]
    redriven = 0
    for letter, record in records:
        if not _has_utf8_header_names(record):
            skipped.append((letter, NON_UTF8_HEADER_NAME))
            continue
        await record_try(conn, letter)
        offset = await append_again(conn, publisher, letter, record)
        if offset is None:
            return RedriveResult(redriven, skipped, (letter, IN_HAND))
        redriven += 1
        if obstacle := await _failure_at(conn, letter, offset, within_s=decided_within_s):
            return RedriveResult(redriven, skipped, (letter, obstacle))
    return RedriveResult(redriven, skipped)


def _select_from(
    letters: Sequence[StoredDeadLetter], *, waiting_only: bool
) -> tuple[list[StoredDeadLetter], list[tuple[StoredDeadLetter, Obstacle]]]:
    chosen: list[StoredDeadLetter] = []
    skipped: list[tuple[StoredDeadLetter, Obstacle]] = []
    for each in letters:
        if waiting_only and (each.redriven_at or each.dropped_at):
            skipped.append((each, NOT_WAITING))
        elif each.ciphertext is None:
            skipped.append((each, WITHOUT_CONTENT))
        else:
            chosen.append(each)
    return chosen, skipped


async def _failure_at(conn: Connection, letter: StoredDeadLetter, offset: int, *, within_s: float) -> Obstacle | None:
    """Wait until the record at this offset is decided, and return why it failed, if it did."""
    lane = (letter.consumer, letter.topic, letter.partition)
    deadline = time.monotonic() + within_s
    while (await conn.fetchval(SELECT_NEXT_OFFSET, *lane) or 0) <= offset:
        if time.monotonic() > deadline:
            return UNDECIDED
        await asyncio.sleep(_POLL_INTERVAL_S)
    found = await conn.fetchrow(SELECT_FAILURE, *lane, offset)
    if found is None:
        return None
    if found["letter_id"] is None:
        await conn.execute(MARK_WAITING, letter.letter_id)  # this letter is the only copy that is kept
    return Obstacle(
        "failed_again",
        f"failed again at offset {offset}: {found['failure']}",
        f"在偏移量 {offset} 再次失败：{found['failure_zh']}",
    )


def _has_utf8_header_names(record: ProducerRecord) -> bool:
    # aiokafka writes names as UTF-8 alone; those that are not were read with lone surrogates in their place.
    return not any("\udc80" <= character <= "\udcff" for name, _ in record.headers for character in name)


def _to_producer_record(letter: StoredDeadLetter, cipher: Cipher) -> ProducerRecord:
    content = dead_letters.decrypt(letter, cipher)
    return ProducerRecord(letter.topic, letter.partition, content.key, content.value, list(content.headers))
