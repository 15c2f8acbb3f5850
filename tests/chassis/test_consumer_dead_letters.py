"""Records that cannot be applied: dead-lettered, redriven, and a halt before there are too many."""

import asyncio
import json

import pytest

from paidan_chassis.consumer import dead_letters, halts
from paidan_chassis.consumer.redrive import redrive
from paidan_chassis.errors import Halted
from paidan_chassis.kafka.producer import Publisher
from paidan_chassis.kafka.record_batch import ProducerRecord
from tests import vault
from tests.chassis.consumer_harness import ConsumerHarness, make_bodies
from tests.chassis.foreign_records import append_records
from tests.polling import poll

pytestmark = pytest.mark.takes(seconds=25)

BROKEN_VALUES: list[tuple[str, bytes | None, str]] = [
    ("null value", None, "null_value"),
    ("unreadable", b"unreadable", "unreadable"),
    ("poison raised by the handler", b"poison", "poison"),
    ("a NUL that only PostgreSQL finds", b"nul", "refused_by_database"),
    ("a lone surrogate that only the driver finds", b"surrogate", "refused_by_database"),
    ("a constraint that PostgreSQL checks at the commit", b"late", "refused_by_database"),
    ("emits more than a broker accepts", b"large", "too_large"),
]


@pytest.mark.parametrize(
    ("value", "reason"), [each[1:] for each in BROKEN_VALUES], ids=[each[0] for each in BROKEN_VALUES]
)
async def test_broken_record_is_dead_lettered_alone(harness: ConsumerHarness, value: bytes | None, reason: str) -> None:
    """The other records are applied, it is stored whole, and its announcement has none of its content."""
    before, after = make_bodies(40, name="before"), make_bodies(40, name="after")
    records = [ProducerRecord("in", 0, b"k", body.encode(), []) for body in before]
    records.append(ProducerRecord("in", 0, b"secret key", value, [("h", b"secret header")]))
    records += [ProducerRecord("in", 0, b"k", body.encode(), []) for body in after]
    await append_records(harness, records)
    harness.sent += before + after

    async with harness.run_in_process():
        await harness.wait_settled(80)

    await harness.audit()
    async with harness.conn() as conn:
        (letter,) = await dead_letters.load_oldest(conn)
    assert (letter.reason, letter.offset) == (reason, 40)
    content = dead_letters.decrypt(letter, vault.build_cipher())
    assert content == (b"secret key", value, (("h", b"secret header"),))
    (announced,) = await harness.read_topic("paidan.dead-letters")
    message = json.loads(announced.value)
    assert (message["letter_id"], message["reason"], message["offset"]) == (str(letter.letter_id), reason, 40)
    assert b"secret" not in announced.value


async def test_redriven_dead_letter_is_dead_lettered_again_where_it_is_appended(harness: ConsumerHarness) -> None:
    await append_records(
        harness,
        [ProducerRecord("in", 1, b"k", b"unreadable", [("h", b"\xff")]), ProducerRecord("in", 1, b"k", b"plain", [])],
    )
    async with harness.run_in_process():
        await harness.wait_settled(1)
        async with harness.conn() as conn, Publisher(harness.options.cluster(), client_id="operator") as publisher:
            (letter,) = await dead_letters.load_oldest(conn)
            redriven = await redrive(conn, publisher, [letter.letter_id], cipher=vault.build_cipher())

    assert redriven.redriven == 1
    assert redriven.stopped_at is not None
    async with harness.conn() as conn:
        again = await dead_letters.load_oldest(conn)
    assert [(each.offset, dead_letters.decrypt(each, vault.build_cipher())) for each in again] == [
        (2, (b"k", b"unreadable", (("h", b"\xff"),)))
    ]


async def test_dead_letter_limit_halts_the_consumer(harness: ConsumerHarness) -> None:
    """The halt survives a restart and states its reason; after a resume the count starts at zero."""
    await append_records(harness, [ProducerRecord("in", 0, b"k", b"unreadable", []) for _ in range(30)])
    async with harness.run_in_process(dead_letter_limit=10, max_records=5) as task:
        with pytest.raises(Halted, match="dead_letter_limit"):
            await asyncio.wait_for(asyncio.shield(task), 20)
    assert await harness.dead_letter_count() == 10

    async with harness.run_in_process(dead_letter_limit=10, max_records=5) as task:
        with pytest.raises(Halted, match="dead_letter_limit"):
            await asyncio.wait_for(asyncio.shield(task), 20)
    assert await harness.dead_letter_count() == 10

    async with harness.conn() as conn:
        assert await halts.resume(conn) == 1
        assert await halts.open_halts(conn) == []
    async with harness.run_in_process(dead_letter_limit=25, max_records=5):

        async def all_dead_lettered() -> bool:
            return await harness.dead_letter_count() == 30

        await poll(all_dead_lettered, what="the rest dead-lettered")


async def test_each_resume_advances_past_the_dead_letter_limit(harness: ConsumerHarness) -> None:
    """Part of such a poll is applied, or every resume would halt again; yet no resume dead-letters a whole topic."""
    values = [b"plain %d" % at if at % 4 == 0 else b"unreadable" for at in range(40)]
    await append_records(harness, [ProducerRecord("in", 0, b"k", value, []) for value in values])

    # The eleventh poison record is at offset 14, the twenty-first at 27.
    for dead_letter_count, next_offset in ((10, 14), (20, 27)):
        async with harness.run_in_process(dead_letter_limit=10, max_records=100) as task:
            with pytest.raises(Halted, match="dead_letter_limit"):
                await asyncio.wait_for(asyncio.shield(task), 20)
        assert await harness.dead_letter_count() == dead_letter_count
        assert await harness.fetch_number("SELECT next_offset FROM lane WHERE partition = 0") == next_offset
        async with harness.conn() as conn:
            assert await halts.resume(conn) == 1
    harness.sent += [value.decode() for value in values if value != b"unreadable"]
    async with harness.run_in_process(dead_letter_limit=10, max_records=100):
        await harness.wait_settled(10)

    assert await harness.dead_letter_count() == 30
    await harness.audit()


async def test_handler_halt_is_recorded_and_has_its_own_exit_code(harness: ConsumerHarness) -> None:
    """Code 75 tells the supervisor not to restart it; what precedes the record at fault is applied, and no more."""
    await append_records(
        harness, [ProducerRecord("in", 0, b"k", body, []) for body in (b"plain", b"halt", b"never applied")]
    )

    for _ in range(2):
        with harness.start_process() as actor:
            code = await poll(actor.exit_code, what="the process's end")
            assert code == 75
            assert "pack_missing" in actor.log_text()

    assert await harness.balance() == 1
    async with harness.conn() as conn:
        (halt,) = await halts.open_halts(conn, "ledger")
    assert (halt.reason, halt.detail) == ("pack_missing", "the pack named by the log")


async def test_a_lane_that_halts_lets_the_others_go_on_to_their_ends(harness: ConsumerHarness) -> None:
    """On an upgrade each lane halts at a mark of its own, and must be read up to there."""
    await append_records(
        harness,
        [ProducerRecord("in", 0, b"k", body, []) for body in (b"halt", b"held")]
        + [ProducerRecord("in", partition, b"k", b"%d" % n, []) for partition in (1, 2) for n in range(150)],
    )

    async with harness.run_in_process() as task:
        with pytest.raises(Halted, match="pack_missing"):
            await asyncio.wait_for(asyncio.shield(task), 20)

    assert await harness.balance() == 300
    assert await harness.fetch_number("SELECT next_offset FROM lane WHERE partition = 0") == 0


async def test_handler_bug_ends_the_process_and_is_not_poison(harness: ConsumerHarness) -> None:
    await append_records(harness, [ProducerRecord("in", 0, b"k", b"bug", [])])

    async with harness.run_in_process() as task:
        with pytest.raises(ZeroDivisionError):
            await asyncio.wait_for(asyncio.shield(task), 20)

    assert await harness.dead_letter_count() == 0
