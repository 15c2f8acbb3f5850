"""What a dead letter carried: nowhere in the clear, opened by its service's keys alone, given back bytes for bytes."""

import uuid
from collections.abc import Sequence
from io import BytesIO

import asyncpg
import pytest
from aiokafka import ConsumerRecord
from hypothesis import given
from hypothesis import strategies as st

from paidan_chassis.consumer import dead_letters
from paidan_chassis.consumer.dead_letters import DeadLetter, Redriven
from paidan_chassis.consumer.record_content import Carried
from paidan_chassis.encryption import Cipher, Unopenable
from paidan_chassis.kafka.producer import Parcel, Publisher
from paidan_chassis.migrations import OWN, migrate
from tests.chassis.consumer_harness import Stage
from tests.chassis.foreign_records import put, put_with_odd_header_name
from tests.polling import poll
from tests.vault import ANOTHER, KEY, cipher

# Nulls and empty ones side by side, since they are what packing confuses.
some_bytes = st.none() | st.sampled_from([b"", b"\x00", b"\xff\xfe"]) | st.binary(max_size=4)
names = st.sampled_from(["", "h", "中", "\udcff\udcfe"])
PHONE, NAME, STREET = b"13812345678", "王小明".encode(), b"7 West Street \xff"


@given(some_bytes, some_bytes, st.lists(st.tuples(names, some_bytes), max_size=4))
def test_what_is_packed_comes_out_as_it_was(
    key: bytes | None, value: bytes | None, headers: list[tuple[str, bytes | None]]
) -> None:
    carried = Carried(key, value, tuple(headers))

    assert Carried.unpack(carried.pack()) == carried


async def buried(stage: Stage, records: Sequence[Parcel], *, already: int = 0) -> list[DeadLetter]:
    """Have records set aside after those that are in already; give the letters of all in the order of the records."""
    await put(stage, records)
    async with stage.here():

        async def all_of_them() -> bool:
            return await stage.dead() == already + len(records)

        await poll(all_of_them, what=f"{already + len(records)} dead letters")
    async with stage.conn() as conn:
        return sorted(await dead_letters.kept(conn), key=lambda each: each.offset)


async def redriven(stage: Stage, letters: Sequence[DeadLetter], keys: Cipher) -> Redriven:
    """Put them back as an operator who has these keys."""
    async with stage.conn() as conn, Publisher(stage.orders.cluster(), client_id="operator") as publisher:
        return await dead_letters.redrive(conn, publisher, [each.letter_id for each in letters], cipher=keys)


async def dumped(conn: asyncpg.Connection) -> bytes:
    """Give the chassis' own tables as their bytes; the ledger notes keys in one of its own."""
    dump = BytesIO()
    for table in ("dead_letter", "outbox", "lane", "halt"):
        await conn.copy_from_table(table, output=dump, format="binary")
    return dump.getvalue()


async def test_what_was_set_aside_is_nowhere_in_the_clear(stage: Stage) -> None:
    """Whoever gets hold of a dump or a backup learns where and why, and nothing of anybody."""
    poison = b"unreadable " + PHONE + b" " + NAME
    [letter] = await buried(stage, [Parcel("in", 0, b"of " + PHONE, poison, [("street", STREET)])])

    async with stage.conn() as conn:
        dump = await dumped(conn)

    assert letter.letter_id.bytes in dump
    assert [each for each in (PHONE, NAME, STREET) if each in dump] == []
    assert "sealed" not in repr(letter)
    assert poison == dead_letters.opened(letter, cipher()).value


def bytes_of(record: "ConsumerRecord[bytes, bytes]") -> tuple[object, ...]:
    return record.partition, record.key, record.value, tuple(record.headers)


async def test_redriven_it_is_byte_for_byte_what_it_was(stage: Stage) -> None:
    """A null is not an empty one, and a header is whatever its sender made of it."""
    records = [
        Parcel("in", 2, b"k", None, []),
        Parcel(
            "in", 2, b"\xff\x00", b"unreadable \xff\x00", [("h", b"\xff\xfe"), ("h", None), ("h", b""), ("h", b"1")]
        ),
        Parcel("in", 2, b"", b"unreadable", [("\u4e2d", b"1")]),
        Parcel("in", 2, None, b"unreadable", []),
    ]
    letters = await buried(stage, records)

    assert await redriven(stage, letters, cipher()) == (len(records), [])

    before, after = (await stage.read("in"))[: len(records)], (await stage.read("in"))[len(records) :]
    assert [bytes_of(each) for each in before] == [
        (each.partition, *each[2:4], tuple(each.headers)) for each in records
    ]
    assert [bytes_of(each) for each in after] == [bytes_of(each) for each in before]
    async with stage.conn() as conn:
        assert await dead_letters.kept(conn) == []


async def test_one_that_no_client_can_write_is_left_and_named_and_keeps_nobody_from_being_put_back(
    stage: Stage,
) -> None:
    """Other languages' clients write header names that are not UTF-8. Marked with the rest, nobody appends it twice."""
    await put(stage, [Parcel("in", 0, b"k", b"unreadable", [])])
    await put_with_odd_header_name(stage, b"unreadable and odd")
    letters = await buried(stage, [Parcel("in", 0, b"k", b"unreadable", [])], already=2)

    done, left = await redriven(stage, letters, cipher())

    assert done == 2
    assert [(each.offset, "not UTF-8" in why) for each, why in left] == [(1, True)]
    async with stage.conn() as conn:
        assert [each.offset for each in await dead_letters.kept(conn)] == [1]
        assert await dead_letters.to_put_back(conn, None) == [letters[1].letter_id]
    assert [each.offset for each in await stage.read("in")] == [0, 1, 2, 3, 4]


async def test_any_letter_is_found_by_its_name_however_many_are_older(stage: Stage) -> None:
    [letter] = await buried(stage, [Parcel("in", 0, b"k", b"unreadable", [])])
    async with stage.conn() as conn:
        await conn.execute(OLDER_ONES, 2000)

        assert await dead_letters.to_put_back(conn, [letter.letter_id, uuid.uuid4()]) == [letter.letter_id]
        assert len(await dead_letters.to_put_back(conn, None)) == 1001


OLDER_ONES = """
    INSERT INTO dead_letter (letter_id, consumer, topic, partition, log_offset, reason, detail, buried_at, redriven_at)
    SELECT gen_random_uuid(), 'ledger', 'in', 0, 1000 + older, 'unreadable', '',
           clock_timestamp() - interval '1 day', CASE WHEN older % 2 = 0 THEN clock_timestamp() END
      FROM generate_series(1, $1) AS older
"""


async def test_without_its_key_nothing_is_shown_appended_or_marked(stage: Stage) -> None:
    letters = await buried(stage, [Parcel("in", 0, b"k", b"unreadable", [])])
    sealed = letters[0].sealed
    assert sealed is not None

    with pytest.raises(Unopenable, match=sealed.key_id):
        dead_letters.opened(letters[0], cipher(ANOTHER))
    with pytest.raises(Unopenable, match=sealed.key_id):
        await redriven(stage, letters, cipher(ANOTHER))

    assert len(await stage.read("in")) == 1
    async with stage.conn() as conn:
        assert await dead_letters.kept(conn) == letters


async def test_a_key_that_was_rotated_still_opens(stage: Stage) -> None:
    letters = await buried(stage, [Parcel("in", 0, b"k", b"unreadable", [])])

    assert await redriven(stage, letters, cipher(ANOTHER, older=KEY)) == (1, [])

    assert [each.value for each in await stage.read("in")] == [b"unreadable"] * 2


async def test_what_one_letter_carried_cannot_be_put_into_another(stage: Stage) -> None:
    letters = await buried(stage, [Parcel("in", 0, b"k", b"unreadable %d" % number, []) for number in range(2)])
    async with stage.conn() as conn:
        await conn.execute(
            "UPDATE dead_letter SET sealed = (SELECT sealed FROM dead_letter WHERE letter_id = $1)",
            letters[0].letter_id,
        )
        swapped = await dead_letters.letter(conn, letters[1].letter_id)

    assert swapped is not None
    with pytest.raises(Unopenable, match=str(letters[1].letter_id)):
        dead_letters.opened(swapped, cipher())


BY_AN_EARLIER_RELEASE = """
    INSERT INTO dead_letter (letter_id, consumer, topic, partition, log_offset, key, value, header_names, header_values,
                             reason, detail)
    VALUES ($1, 'ledger', 'in', 0, 7, 'k', $2, '{}', '{}', 'unreadable', '')
"""


async def test_one_from_a_release_that_did_not_seal_is_listed_and_says_so(database: str) -> None:
    """That release goes on burying until the new one runs; then its clear bytes go, and its letters stay."""
    conn = await asyncpg.connect(database)
    try:
        await migrate(conn, "ledger", [OWN], phases=("pre",))
        await conn.execute("SET search_path = ledger")
        await conn.execute(BY_AN_EARLIER_RELEASE, uuid.uuid4(), PHONE)
        await migrate(conn, "ledger", [OWN])
        [letter] = await dead_letters.kept(conn)
        dump = await dumped(conn)
    finally:
        await conn.close()

    assert letter.offset == 7
    assert PHONE not in dump
    with pytest.raises(Unopenable, match="before records were sealed"):
        dead_letters.opened(letter, cipher())
