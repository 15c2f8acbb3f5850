"""The content of dead letters: stored encrypted, decrypted with the service's keys alone; found, listed and dropped."""

import uuid
from io import BytesIO

import asyncpg
import pytest
from hypothesis import given
from hypothesis import strategies as st

from paidan_chassis.consumer import dead_letters
from paidan_chassis.consumer.dead_letter_counts import count_waiting
from paidan_chassis.consumer.record_content import RecordContent
from paidan_chassis.encryption import DecryptionFailed
from paidan_chassis.kafka.record_batch import ProducerRecord
from paidan_chassis.migrations import CHASSIS_MIGRATIONS, migrate
from tests.chassis.awaited_dead_letters import dead_letters_for
from tests.chassis.consumer_harness import ConsumerHarness
from tests.vault import build_cipher

# Nulls and empty values are common, because packing could confuse them.
some_bytes = st.none() | st.sampled_from([b"", b"\x00", b"\xff\xfe"]) | st.binary(max_size=4)
names = st.sampled_from(["", "h", "中", "\udcff\udcfe"])
PHONE, NAME, STREET = b"13812345678", "王小明".encode(), b"7 West Street \xff"


@given(some_bytes, some_bytes, st.lists(st.tuples(names, some_bytes), max_size=4))
def test_pack_unpack_round_trip(
    key: bytes | None, value: bytes | None, headers: list[tuple[str, bytes | None]]
) -> None:
    content = RecordContent(key, value, tuple(headers))

    assert RecordContent.unpack(content.pack()) == content


async def dump_database(conn: asyncpg.Connection) -> bytes:
    """Return the content of the chassis' own tables as bytes, without the sample service's table."""
    dump = BytesIO()
    for table in ("dead_letter", "outbox", "lane", "halt"):
        await conn.copy_from_table(table, output=dump, format="binary")
    return dump.getvalue()


async def test_dead_letter_content_is_stored_encrypted(harness: ConsumerHarness) -> None:
    """A dump or a backup shows where and why, and no personal data."""
    poison = b"unreadable " + PHONE + b" " + NAME
    [letter] = await dead_letters_for(harness, [ProducerRecord("in", 0, b"of " + PHONE, poison, [("street", STREET)])])

    async with harness.conn() as conn:
        dump = await dump_database(conn)

    assert letter.letter_id.bytes in dump
    assert [each for each in (PHONE, NAME, STREET) if each in dump] == []
    assert "sealed" not in repr(letter)
    assert poison == dead_letters.decrypt(letter, build_cipher()).value


async def test_letter_is_found_by_id_beyond_the_list_limit(harness: ConsumerHarness) -> None:
    [letter] = await dead_letters_for(harness, [ProducerRecord("in", 0, b"k", b"unreadable", [])])
    async with harness.conn() as conn:
        await conn.execute(OLDER_ONES, 2000)

        assert await dead_letters.load_ids_to_redrive(conn, [letter.letter_id, uuid.uuid4()]) == [letter.letter_id]
        assert len(await dead_letters.load_ids_to_redrive(conn, None)) == 1001


OLDER_ONES = """
    INSERT INTO dead_letter (letter_id, consumer, topic, partition, log_offset, reason, detail, buried_at, redriven_at)
    SELECT gen_random_uuid(), 'ledger', 'in', 0, 1000 + older, 'unreadable', '',
           clock_timestamp() - interval '1 day', CASE WHEN older % 2 = 0 THEN clock_timestamp() END
      FROM generate_series(1, $1) AS older
"""


async def test_ciphertext_is_bound_to_its_letter(harness: ConsumerHarness) -> None:
    letters = await dead_letters_for(
        harness, [ProducerRecord("in", 0, b"k", b"unreadable %d" % number, []) for number in range(2)]
    )
    async with harness.conn() as conn:
        await conn.execute(
            "UPDATE dead_letter SET sealed = (SELECT sealed FROM dead_letter WHERE letter_id = $1)",
            letters[0].letter_id,
        )
        [swapped] = await dead_letters.load(conn, [letters[1].letter_id])

    with pytest.raises(DecryptionFailed, match=str(letters[1].letter_id)):
        dead_letters.decrypt(swapped, build_cipher())


INSERT_UNENCRYPTED = """
    INSERT INTO dead_letter (letter_id, consumer, topic, partition, log_offset, key, value, header_names, header_values,
                             reason, detail)
    VALUES ($1, 'ledger', 'in', 0, 7, 'k', $2, '{}', '{}', 'unreadable', '')
"""


async def test_unencrypted_letter_of_an_older_release_is_listed_and_refused(database: str) -> None:
    """That release writes unencrypted letters until the new one runs; then only their content is dropped."""
    conn = await asyncpg.connect(database)
    try:
        await migrate(conn, "ledger", [CHASSIS_MIGRATIONS], phases=("pre",))
        await conn.execute("SET search_path = ledger")
        await conn.execute(INSERT_UNENCRYPTED, uuid.uuid4(), PHONE)
        await migrate(conn, "ledger", [CHASSIS_MIGRATIONS])
        [letter] = await dead_letters.load_oldest(conn)
        dump = await dump_database(conn)
    finally:
        await conn.close()

    assert letter.offset == 7
    assert PHONE not in dump
    with pytest.raises(DecryptionFailed, match="before dead letters were encrypted"):
        dead_letters.decrypt(letter, build_cipher())


async def test_dropped_letter_waits_no_more_and_says_who_dropped_it_and_why(harness: ConsumerHarness) -> None:
    letters = await dead_letters_for(
        harness, [ProducerRecord("in", 0, b"k", b"unreadable %d" % number, []) for number in range(2)]
    )
    dropped, other = [each.letter_id for each in letters]
    async with harness.conn() as conn:
        assert await dead_letters.drop(conn, [dropped], by="wang", because="a vendor's test") == [dropped]
        assert await dead_letters.drop(conn, [dropped], by="li", because="again") == []

        [found] = await dead_letters.load(conn, [dropped])
        assert [each.letter_id for each in await dead_letters.load_oldest(conn)] == [other]
        assert await dead_letters.load_ids_to_redrive(conn, None) == [other]
        assert await count_waiting(conn) == 1
        assert await dead_letters.load_ids_by_prefix(conn, str(dropped)[:8]) == [dropped]
    assert (found.dropped_by, found.dropped_because) == ("wang", "a vendor's test")
    assert found.dropped_at is not None
