"""What one consumer does with what it cannot apply: buried, put back, and halted before it is too much."""

import asyncio
import json

import pytest

from paidan_chassis.consumer import dead_letters, halts
from paidan_chassis.consumer.errors import Halted
from paidan_chassis.kafka.producer import Parcel, Publisher
from tests import vault
from tests.chassis.consumer_harness import Stage, bodies
from tests.chassis.foreign_records import put
from tests.polling import poll

BROKEN: list[tuple[str, bytes | None, str]] = [
    ("null value", None, "null_value"),
    ("unreadable", b"unreadable", "unreadable"),
    ("poison raised by the handler", b"poison", "poison"),
    ("a NUL that only PostgreSQL finds", b"nul", "refused_by_database"),
    ("a lone surrogate that only the driver finds", b"surrogate", "refused_by_database"),
    ("a constraint that PostgreSQL looks at when it commits", b"late", "refused_by_database"),
    ("says more than a broker takes", b"large", "too_large"),
]


@pytest.mark.parametrize(("value", "reason"), [each[1:] for each in BROKEN], ids=[each[0] for each in BROKEN])
async def test_one_broken_record_costs_itself_alone(stage: Stage, value: bytes | None, reason: str) -> None:
    """Its neighbours are applied, it is kept whole, and its announcement carries none of its bytes."""
    before, after = bodies(40, name="before"), bodies(40, name="after")
    records = [Parcel("in", 0, b"k", body.encode(), []) for body in before]
    records.append(Parcel("in", 0, b"secret key", value, [("h", b"secret header")]))
    records += [Parcel("in", 0, b"k", body.encode(), []) for body in after]
    await put(stage, records)
    stage.sent += before + after

    async with stage.here():
        await stage.settled(80)

    await stage.audit()
    async with stage.conn() as conn:
        (letter,) = await dead_letters.kept(conn)
    assert (letter.reason, letter.offset) == (reason, 40)
    carried = dead_letters.opened(letter, vault.cipher())
    assert carried == (b"secret key", value, (("h", b"secret header"),))
    (announced,) = await stage.read("paidan.dead-letters")
    said = json.loads(announced.value)
    assert (said["letter_id"], said["reason"], said["offset"]) == (str(letter.letter_id), reason, 40)
    assert b"secret" not in announced.value


async def test_dead_letters_are_redriven_whole_once_the_cause_is_gone(stage: Stage) -> None:
    await put(stage, [Parcel("in", 1, b"k", b"unreadable", [("h", b"\xff")]), Parcel("in", 1, b"k", b"plain", [])])
    async with stage.here():
        await stage.settled(1)
        async with stage.conn() as conn, Publisher(stage.orders.cluster(), client_id="operator") as publisher:
            (letter,) = await dead_letters.kept(conn)
            redriven = await dead_letters.redrive(conn, publisher, [letter.letter_id], cipher=vault.cipher())

        async def buried_again() -> bool:
            return await stage.dead() == 2

        await poll(buried_again, what="the redriven record, which is unreadable as ever")

    assert redriven == (1, [])
    async with stage.conn() as conn:
        again = await dead_letters.kept(conn)
    assert [(each.offset, dead_letters.opened(each, vault.cipher())) for each in again] == [
        (2, (b"k", b"unreadable", (("h", b"\xff"),)))
    ]


async def test_too_many_dead_letters_halt_before_they_eat_the_topic(stage: Stage) -> None:
    """The halt is kept over a restart, says why, and counts from nought once it is lifted."""
    await put(stage, [Parcel("in", 0, b"k", b"unreadable", []) for _ in range(30)])
    async with stage.here(dead_letter_limit=10, max_records=5) as playing:
        with pytest.raises(Halted, match="dead_letter_limit"):
            await asyncio.wait_for(asyncio.shield(playing), 20)
    assert await stage.dead() == 10

    async with stage.here(dead_letter_limit=10, max_records=5) as playing:
        with pytest.raises(Halted, match="dead_letter_limit"):
            await asyncio.wait_for(asyncio.shield(playing), 20)
    assert await stage.dead() == 10

    async with stage.conn() as conn:
        assert await halts.resume(conn) == 1
        assert await halts.standing(conn) == []
    async with stage.here(dead_letter_limit=25, max_records=5):

        async def all_buried() -> bool:
            return await stage.dead() == 30

        await poll(all_buried, what="the rest buried")


async def test_each_resume_gets_further_though_one_poll_holds_more_poison_than_the_limit(stage: Stage) -> None:
    """Had nothing of such a poll been kept, every resume would meet the same halt; yet none buries a whole topic."""
    values = [b"plain %d" % at if at % 4 == 0 else b"unreadable" for at in range(40)]
    await put(stage, [Parcel("in", 0, b"k", value, []) for value in values])

    # The eleventh poison stands at 14, the twenty-first at 27.
    for dead, reached in ((10, 14), (20, 27)):
        async with stage.here(dead_letter_limit=10, max_records=100) as playing:
            with pytest.raises(Halted, match="dead_letter_limit"):
                await asyncio.wait_for(asyncio.shield(playing), 20)
        assert await stage.dead() == dead
        assert await stage.value("SELECT next_offset FROM lane WHERE partition = 0") == reached
        async with stage.conn() as conn:
            assert await halts.resume(conn) == 1
    stage.sent += [value.decode() for value in values if value != b"unreadable"]
    async with stage.here(dead_letter_limit=10, max_records=100):
        await stage.settled(10)

    assert await stage.dead() == 30
    await stage.audit()


async def test_a_halt_of_the_handler_is_kept_and_ends_the_process_with_a_code_of_its_own(stage: Stage) -> None:
    """Code 75 tells the supervisor not to restart it; nothing of the batch is applied."""
    await put(stage, [Parcel("in", 0, b"k", b"plain", []), Parcel("in", 0, b"k", b"halt", [])])

    for _ in range(2):
        with stage.actor() as actor:
            code = await poll(actor.ended, within_s=20, what="the process's end")
            assert code == 75
            assert "pack_missing" in actor.said()

    assert await stage.balance() == 0
    async with stage.conn() as conn:
        (halt,) = await halts.standing(conn, "ledger")
    assert (halt.reason, halt.detail) == ("pack_missing", "the pack named by the log")


async def test_a_bug_ends_the_process_loudly_and_is_not_taken_for_poison(stage: Stage) -> None:
    await put(stage, [Parcel("in", 0, b"k", b"bug", [])])

    async with stage.here() as playing:
        with pytest.raises(ZeroDivisionError):
            await asyncio.wait_for(asyncio.shield(playing), 20)

    assert await stage.dead() == 0
