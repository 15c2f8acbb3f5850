"""Dead letters redriven: byte for byte, in order, and no further than the first that fails again."""

from collections.abc import Sequence

import pytest
from aiokafka import ConsumerRecord

from paidan_chassis.consumer import dead_letters
from paidan_chassis.consumer.dead_letters import StoredDeadLetter
from paidan_chassis.consumer.redrive import UNDECIDED, RedriveResult, redrive
from paidan_chassis.encryption import Cipher, DecryptionFailed
from paidan_chassis.kafka.producer import Publisher
from paidan_chassis.kafka.record_batch import ProducerRecord
from tests.chassis.awaited_dead_letters import dead_letters_for
from tests.chassis.consumer_harness import ConsumerHarness
from tests.chassis.foreign_records import append_non_utf8_header_name, append_records
from tests.vault import KEY, OTHER_KEY, build_cipher

pytestmark = pytest.mark.takes(seconds=15)


async def redrive_all(harness: ConsumerHarness, letters: Sequence[StoredDeadLetter], keys: Cipher) -> RedriveResult:
    """Redrive dead letters as an operator with these keys."""
    async with (
        harness.run_in_process(reads_everything=True),
        harness.conn() as conn,
        Publisher(harness.options.cluster(), client_id="operator") as publisher,
    ):
        return await redrive(conn, publisher, [each.letter_id for each in letters], cipher=keys)


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
        assert await dead_letters.load_oldest(conn) == []


async def test_unwritable_record_is_reported_and_the_rest_redriven(
    harness: ConsumerHarness,
) -> None:
    """Clients in other languages write header names that are not UTF-8. The rest is marked, and not appended twice."""
    await append_records(harness, [ProducerRecord("in", 0, b"k", b"unreadable", [])])
    await append_non_utf8_header_name(harness, b"unreadable and odd")
    letters = await dead_letters_for(harness, [ProducerRecord("in", 0, b"k", b"unreadable", [])], already=2)

    done, left, _ = await redrive_all(harness, letters, build_cipher())

    assert done == 2
    assert [(each.offset, "not UTF-8" in why.en) for each, why in left] == [(1, True)]
    async with harness.conn() as conn:
        assert [each.offset for each in await dead_letters.load_oldest(conn)] == [1]
        assert await dead_letters.load_ids_to_redrive(conn, None) == [letters[1].letter_id]
    assert [each.offset for each in await harness.read_topic("in")] == [0, 1, 2, 3, 4]


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
        assert await dead_letters.load_oldest(conn) == letters


async def test_rotated_key_still_decrypts(harness: ConsumerHarness) -> None:
    letters = await dead_letters_for(harness, [ProducerRecord("in", 0, b"k", b"unreadable", [])])

    assert await redrive_all(harness, letters, build_cipher(OTHER_KEY, older=KEY)) == RedriveResult(1, [])

    assert [each.value for each in await harness.read_topic("in")] == [b"unreadable"] * 2


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

        waiting = await dead_letters.load_oldest(conn)
    assert result.redriven == 3
    assert result.stopped_at is not None
    assert (result.stopped_at[0].offset, "unreadable" in result.stopped_at[1].en) == (2, True)
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

        waiting = await dead_letters.load_oldest(conn)
    assert result.stopped_at is not None
    assert "is set aside" in result.stopped_at[1].en
    assert letter.letter_id in {each.letter_id for each in waiting}


async def test_redrive_says_when_nobody_decides(harness: ConsumerHarness) -> None:
    [letter] = await dead_letters_for(harness, [ProducerRecord("in", 0, b"k", b"unreadable", [])])
    async with harness.conn() as conn, Publisher(harness.options.cluster(), client_id="operator") as publisher:
        result = await redrive(conn, publisher, [letter.letter_id], cipher=build_cipher(), decided_within_s=0.2)

    assert result.stopped_at is not None
    assert result.stopped_at[1] is UNDECIDED
