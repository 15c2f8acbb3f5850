"""The content of dead letters: stored encrypted, decrypted with the service's keys alone, redriven byte for byte."""

import uuid
from collections.abc import Sequence
from io import BytesIO

import asyncpg
import pytest
from aiokafka import ConsumerRecord
from hypothesis import given
from hypothesis import strategies as st

from paidan_chassis.consumer import dead_letters
from paidan_chassis.consumer.dead_letter_counts import count_waiting
from paidan_chassis.consumer.dead_letters import StoredDeadLetter
from paidan_chassis.consumer.record_content import RecordContent
from paidan_chassis.consumer.redrive import RedriveResult, redrive
from paidan_chassis.encryption import Cipher, DecryptionFailed
from paidan_chassis.kafka.producer import Publisher
from paidan_chassis.kafka.record_batch import ProducerRecord
from paidan_chassis.migrations import CHASSIS_MIGRATIONS, migrate
from tests.chassis.consumer_harness import ConsumerHarness
from tests.chassis.foreign_records import append_non_utf8_header_name, append_records
from tests.polling import poll
from tests.vault import KEY, OTHER_KEY, build_cipher

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


async def dead_letters_for(
    harness: ConsumerHarness, records: Sequence[ProducerRecord], *, already: int = 0
) -> list[StoredDeadLetter]:
    """Append records, wait until all are dead-lettered, and return all dead letters in log order."""
    await append_records(harness, records)
    async with harness.run_in_process():

        async def all_of_them() -> bool:
            return await harness.dead_letter_count() == already + len(records)

        await poll(all_of_them, what=f"{already + len(records)} dead letters")
    async with harness.conn() as conn:
        return sorted(await dead_letters.list_dead_letters(conn), key=lambda each: each.offset)


async def redrive_all(harness: ConsumerHarness, letters: Sequence[StoredDeadLetter], keys: Cipher) -> RedriveResult:
    """Redrive dead letters as an operator with these keys."""
    async with (
        harness.run_in_process(reads_everything=True),
        harness.conn() as conn,
        Publisher(harness.options.cluster(), client_id="operator") as publisher,
    ):
        return await redrive(conn, publisher, [each.letter_id for each in letters], cipher=keys)


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


def packed_bytes(record: "ConsumerRecord[bytes, bytes]") -> tuple[object, ...]:
    return record.partition, record.key, record.value, tuple(record.headers)


async def test_redriven_record_is_byte_identical(harness: ConsumerHarness) -> None:
    """Nulls are not empty values, and header bytes are the sender's own."""
    records = [
        ProducerRecord("in", 2, b"k", None, []),
        ProducerRecord(
            "in", 2, b"\xff\x00", b"unreadable \xff\x00", [("h", b"\xff\xfe"), ("h", None), ("h", b""), ("h", b"1")]
        ),
        ProducerRecord("in", 2, b"", b"unreadable", [("\u4e2d", b"1")]),
        ProducerRecord("in", 2, None, b"unreadable", []),
    ]
    letters = await dead_letters_for(harness, records)

    assert await redrive_all(harness, letters, build_cipher()) == RedriveResult(len(records), [])

    before, after = (await harness.read_topic("in"))[: len(records)], (await harness.read_topic("in"))[len(records) :]
    assert [packed_bytes(each) for each in before] == [
        (each.partition, *each[2:4], tuple(each.headers)) for each in records
    ]
    assert [packed_bytes(each) for each in after] == [packed_bytes(each) for each in before]
    async with harness.conn() as conn:
        assert await dead_letters.list_dead_letters(conn) == []


async def test_unwritable_record_is_reported_and_the_rest_redriven(
    harness: ConsumerHarness,
) -> None:
    """Clients in other languages write header names that are not UTF-8. The rest is marked, and not appended twice."""
    await append_records(harness, [ProducerRecord("in", 0, b"k", b"unreadable", [])])
    await append_non_utf8_header_name(harness, b"unreadable and odd")
    letters = await dead_letters_for(harness, [ProducerRecord("in", 0, b"k", b"unreadable", [])], already=2)

    done, left, _ = await redrive_all(harness, letters, build_cipher())

    assert done == 2
    assert [(each.offset, "not UTF-8" in why) for each, why in left] == [(1, True)]
    async with harness.conn() as conn:
        assert [each.offset for each in await dead_letters.list_dead_letters(conn)] == [1]
        assert await dead_letters.ids_to_redrive(conn, None) == [letters[1].letter_id]
    assert [each.offset for each in await harness.read_topic("in")] == [0, 1, 2, 3, 4]


async def test_letter_is_found_by_id_beyond_the_list_limit(harness: ConsumerHarness) -> None:
    [letter] = await dead_letters_for(harness, [ProducerRecord("in", 0, b"k", b"unreadable", [])])
    async with harness.conn() as conn:
        await conn.execute(OLDER_ONES, 2000)

        assert await dead_letters.ids_to_redrive(conn, [letter.letter_id, uuid.uuid4()]) == [letter.letter_id]
        assert len(await dead_letters.ids_to_redrive(conn, None)) == 1001


OLDER_ONES = """
    INSERT INTO dead_letter (letter_id, consumer, topic, partition, log_offset, reason, detail, buried_at, redriven_at)
    SELECT gen_random_uuid(), 'ledger', 'in', 0, 1000 + older, 'unreadable', '',
           clock_timestamp() - interval '1 day', CASE WHEN older % 2 = 0 THEN clock_timestamp() END
      FROM generate_series(1, $1) AS older
"""


async def test_missing_key_redrives_nothing(harness: ConsumerHarness) -> None:
    letters = await dead_letters_for(harness, [ProducerRecord("in", 0, b"k", b"unreadable", [])])
    sealed = letters[0].ciphertext
    assert sealed is not None

    with pytest.raises(DecryptionFailed, match=sealed.key_id):
        dead_letters.decrypt(letters[0], build_cipher(OTHER_KEY))
    with pytest.raises(DecryptionFailed, match=sealed.key_id):
        await redrive_all(harness, letters, build_cipher(OTHER_KEY))

    assert len(await harness.read_topic("in")) == 1
    async with harness.conn() as conn:
        assert await dead_letters.list_dead_letters(conn) == letters


async def test_rotated_key_still_decrypts(harness: ConsumerHarness) -> None:
    letters = await dead_letters_for(harness, [ProducerRecord("in", 0, b"k", b"unreadable", [])])

    assert await redrive_all(harness, letters, build_cipher(OTHER_KEY, older=KEY)) == RedriveResult(1, [])

    assert [each.value for each in await harness.read_topic("in")] == [b"unreadable"] * 2


async def test_ciphertext_is_bound_to_its_letter(harness: ConsumerHarness) -> None:
    letters = await dead_letters_for(
        harness, [ProducerRecord("in", 0, b"k", b"unreadable %d" % number, []) for number in range(2)]
    )
    async with harness.conn() as conn:
        await conn.execute(
            "UPDATE dead_letter SET sealed = (SELECT sealed FROM dead_letter WHERE letter_id = $1)",
            letters[0].letter_id,
        )
        swapped = await dead_letters.get(conn, letters[1].letter_id)

    assert swapped is not None
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
        [letter] = await dead_letters.list_dead_letters(conn)
        dump = await dump_database(conn)
    finally:
        await conn.close()

    assert letter.offset == 7
    assert PHONE not in dump
    with pytest.raises(DecryptionFailed, match="before dead letters were encrypted"):
        dead_letters.decrypt(letter, build_cipher())


async def test_redrive_stops_at_the_first_that_fails_again(harness: ConsumerHarness) -> None:
    """Each is put back once the one before it is decided: what is still broken is met once, not a thousand times."""
    bodies = [b"fixed", b"fixed too", b"broken", b"never tried"]
    letters = await dead_letters_for(
        harness, [ProducerRecord("in", 0, b"k", b"unreadable " + each, []) for each in bodies]
    )

    async with (
        harness.run_in_process(unreadable_word="broken"),
        harness.conn() as conn,
        Publisher(harness.options.cluster(), client_id="operator") as publisher,
    ):
        result = await redrive(conn, publisher, [each.letter_id for each in letters], cipher=build_cipher())

        waiting = await dead_letters.list_dead_letters(conn)
    assert result.redriven == 3
    assert result.stopped_at is not None
    assert (result.stopped_at[0].offset, "unreadable" in result.stopped_at[1]) == (2, True)
    assert [each.offset for each in waiting] == [3, 6]


async def test_letter_that_is_only_counted_when_it_fails_again_keeps_waiting(harness: ConsumerHarness) -> None:
    """Its sender is set aside: this letter is then the only copy that is kept."""
    [letter] = await dead_letters_for(harness, [ProducerRecord("in", 0, b"k", b"unreadable", [])])
    flood = [ProducerRecord("in", 0, b"k", b"unreadable", []) for _ in range(5)]
    async with (
        harness.run_in_process(written_by_others=True, dead_letter_limit=2),
        harness.conn() as conn,
        Publisher(harness.options.cluster(), client_id="operator") as publisher,
    ):
        await append_records(harness, flood)

        result = await redrive(conn, publisher, [letter.letter_id], cipher=build_cipher())

        waiting = await dead_letters.list_dead_letters(conn)
    assert result.stopped_at is not None
    assert "is set aside" in result.stopped_at[1]
    assert letter.letter_id in {each.letter_id for each in waiting}


async def test_redrive_says_when_nobody_decides(harness: ConsumerHarness) -> None:
    [letter] = await dead_letters_for(harness, [ProducerRecord("in", 0, b"k", b"unreadable", [])])
    async with harness.conn() as conn, Publisher(harness.options.cluster(), client_id="operator") as publisher:
        result = await redrive(conn, publisher, [letter.letter_id], cipher=build_cipher(), decided_within_s=0.2)

    assert result.stopped_at is not None
    assert "is its loop halted" in result.stopped_at[1]


async def test_dropped_letter_waits_no_more_and_says_who_dropped_it_and_why(harness: ConsumerHarness) -> None:
    letters = await dead_letters_for(
        harness, [ProducerRecord("in", 0, b"k", b"unreadable %d" % number, []) for number in range(2)]
    )
    dropped, other = [each.letter_id for each in letters]
    async with harness.conn() as conn:
        assert await dead_letters.drop(conn, [dropped], by="wang", because="a vendor's test") == [dropped]
        assert await dead_letters.drop(conn, [dropped], by="li", because="again") == []

        found = await dead_letters.get(conn, dropped)
        assert [each.letter_id for each in await dead_letters.list_dead_letters(conn)] == [other]
        assert await dead_letters.ids_to_redrive(conn, None) == [other]
        assert await count_waiting(conn) == 1
        assert await dead_letters.find_ids(conn, str(dropped)[:8]) == [dropped]
    assert found is not None
    assert (found.dropped_by, found.dropped_because) == ("wang", "a vendor's test")
    assert found.dropped_at is not None
