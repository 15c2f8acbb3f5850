"""A sender beyond its limit of dead letters is set aside: it alone, counted exactly, the same on every replay."""

import json
from collections import Counter
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from paidan_chassis.consumer import senders
from paidan_chassis.consumer.batch import DeadLetter, Lane, Record
from paidan_chassis.consumer.config import ConsumerTuning, Subscription
from paidan_chassis.consumer.dead_letter_counts import DeadLetterCounts
from paidan_chassis.consumer.senders import KEPT_ONE_IN, MAX_SENDERS, SenderHours, select_from, sender_of
from paidan_chassis.kafka.record_batch import ProducerRecord
from tests import vault
from tests.chassis.consumer_harness import ConsumerHarness
from tests.chassis.foreign_records import append_records
from tests.polling import poll

WHEN = datetime(2026, 3, 2, 1, 0, tzinfo=UTC)
Headers = tuple[tuple[str, bytes | None], ...]


def subscription(limit: int = 2, **options: object) -> Subscription:
    tuning = ConsumerTuning(dead_letter_limit=limit)
    return Subscription("ledger", tuning=tuning, written_by_others=True, cipher=vault.build_cipher(), **options)  # type: ignore[arg-type] # names of fields, as the tests say


def record(
    offset: int = 0, value: bytes | None = b"", *, headers: Headers = (), topic: str = "in", minutes: float = 0
) -> Record:
    return Record(topic, 0, offset, b"k", value, headers, WHEN + timedelta(minutes=minutes))


def of(sender: str, offset: int, *, minutes: float = 0) -> DeadLetter:
    return DeadLetter(record(offset, json.dumps({"source": sender}).encode(), minutes=minutes), "unreadable")


@pytest.mark.parametrize(
    ("sent", "sender"),
    [
        (record(value=b'{"source": "camera"}'), "camera"),
        (record(value=b'{"source": "camera"}', headers=(("ce_source", b"/vendors/7"),)), "/vendors/7"),
        (record(value=b"{", headers=(("ce_source", "雪亮平台".encode()),)), "雪亮平台"),
        (record(value=b'{"source": 7}'), "unknown:in"),
        (record(value=b'{"source": ""}'), "unknown:in"),
        (record(value=b'{"source": "  "}'), "unknown:in"),
        (record(value=b'{"source": "a\\u0000b"}'), "unknown:in"),
        (record(value=b'{"source": "\\ud800"}'), "unknown:in"),
        (record(value='{"source": "\u202ecamera"}'.encode()), "unknown:in"),
        (record(value=json.dumps({"source": "x" * 101}).encode()), "unknown:in"),
        (record(value=b'["source"]'), "unknown:in"),
        (record(value=b"[" * 90_000), "unknown:in"),
        (record(value=b"\xff{"), "unknown:in"),
        (record(value=None), "unknown:in"),
        (record(value=None, headers=(("ce_source", None),)), "unknown:in"),
        (record(value=b'{"source": "camera"}', topic="answers.streets"), "streets"),
    ],
)
def test_sender_is_the_topics_owner_or_a_readable_source(sent: Record, sender: str) -> None:
    assert sender_of(sent, subscription(prefixes=("answers.",))) == sender


def test_principal_counts_before_what_a_record_claims() -> None:
    """Whoever is logged in must not get others set aside by naming them."""
    logged_in = subscription(principal_of=lambda sent: dict(sent.headers).get("principal", b"").decode() or None)

    assert sender_of(record(value=b'{"source": "camera"}', headers=(("principal", b"vendor"),)), logged_in) == "vendor"
    assert sender_of(record(value=b'{"source": "camera"}'), logged_in) == "camera"


def test_beyond_its_limit_one_in_a_thousand_is_kept_and_the_rest_are_counted() -> None:
    kept, hours = select_from([of("camera", at) for at in range(2 + 2 * KEPT_ONE_IN + 5)], {}, subscription(limit=2))

    hour = hours[Lane("in", 0), "camera"]
    assert [each.record.offset for each in kept] == [0, 1, 1001, 2001]
    assert (hour.dead_letters, hour.counted, hour.first_offset, hour.last_offset) == (2007, 2003, 2, 2006)


def test_one_senders_habit_leaves_others_their_limit() -> None:
    sent = [*(of("broken", at) for at in range(50)), of("sound", 50), of("sound", 51), of("sound", 52)]

    kept, hours = select_from(sent, {}, subscription(limit=2))

    assert [each.record.offset for each in kept] == [0, 1, 50, 51]
    assert {sender: hour.counted for (_, sender), hour in hours.items()} == {"broken": 48, "sound": 1}


def test_count_starts_again_after_an_hour_by_the_brokers_time() -> None:
    sent = [of("camera", at, minutes=at) for at in range(130)]

    kept, _ = select_from(sent, {}, subscription(limit=2))

    assert [each.record.offset for each in kept] == [0, 1, 60, 61, 120, 121]


def test_invented_senders_end_in_one_count() -> None:
    """Whoever writes records can name himself anew in each."""
    sent = [of(f"sender {at}", at) for at in range(MAX_SENDERS + 50)]

    kept, hours = select_from(sent, {}, subscription(limit=2))

    assert len(kept) == MAX_SENDERS + 2
    assert len(hours) == MAX_SENDERS + 1
    assert hours[Lane("in", 0), "unknown:in"].counted == 48


# Few senders and minutes apart, so that limits and hours are passed often.
dead_letters = st.lists(st.tuples(st.sampled_from("ab"), st.sampled_from([0, 7, 31])), max_size=30).map(
    lambda drawn: [
        of(sender, at, minutes=sum(step for _, step in drawn[: at + 1])) for at, (sender, _) in enumerate(drawn)
    ]
)


@given(dead_letters, st.integers(0, 30), st.randoms())
def test_batch_boundaries_never_change_what_is_kept(sent: list[DeadLetter], cut: int, rng: object) -> None:
    whole, whole_hours = select_from(sorted(sent, key=lambda _: rng.random()), {}, subscription())  # type: ignore[attr-defined] # a random.Random
    stored: SenderHours = {}

    first, changed = select_from(sent[:cut], stored, subscription())
    stored |= changed
    second, changed = select_from(sent[cut:], stored, subscription())

    assert [*first, *second] == whole
    assert stored | changed == whole_hours


async def test_sender_is_set_aside_and_its_sound_records_and_all_others_are_applied(harness: ConsumerHarness) -> None:
    """No halt: the records that can be applied are, in order; the rest is counted, and the count survives a restart."""
    bad = [ProducerRecord("in", 0, b"k", b"unreadable", [("ce_source", b"broken")]) for _ in range(60)]
    good = [ProducerRecord("in", 0, b"k", b"body %d" % at, [("ce_source", b"broken")]) for at in range(60)]
    others = [ProducerRecord("in", 0, b"l", b"unreadable", [("ce_source", b"sound")]) for _ in range(5)]
    await append_records(harness, [each for pair in zip(bad, good, strict=True) for each in pair] + others)
    harness.sent += [f"body {at}" for at in range(60)]
    options = {"written_by_others": True, "dead_letter_limit": 10}

    async with harness.run_in_process(max_records=7, **options):
        await harness.wait_settled(60)
        await poll(lambda: _is_counted(harness, 65), what="all counted")
    await append_records(harness, bad[:1])
    async with harness.run_in_process(**options):
        await poll(lambda: _is_counted(harness, 66), what="one more")

    await harness.audit()
    async with harness.conn() as conn:
        [set_aside] = await senders.set_aside_senders(conn, "ledger")
        letters = await conn.fetch("SELECT log_offset FROM dead_letter")
        counts = DeadLetterCounts(harness.options.subscription())
        await counts.load(conn)
    assert (set_aside.sender, set_aside.counted, set_aside.first_offset, set_aside.last_offset) == (
        "broken",
        51,
        20,
        125,
    )
    assert Counter(each["log_offset"] < 120 for each in letters) == {True: 10, False: 5}
    assert len(await harness.read_topic("paidan.dead-letters")) == 15
    assert counts.current is not None
    assert (counts.current.total, counts.current.waiting) == (66, 15)


async def _is_counted(harness: ConsumerHarness, number: int) -> bool:
    return await harness.fetch_number("SELECT sum(dead_letters) FROM sender_hour") == number


async def test_restored_database_keeps_the_same_letters(harness: ConsumerHarness) -> None:
    """What is kept is announced with a number: a replay that kept others would say something else under it."""
    await append_records(harness, [ProducerRecord("in", 0, b"k", b"unreadable %d" % at, []) for at in range(40)])
    options = {"written_by_others": True, "dead_letter_limit": 10}
    async with harness.run_in_process(max_records=9, **options):
        await poll(lambda: _is_counted(harness, 40), what="all counted")
    async with harness.conn() as conn:
        before = await conn.fetch("SELECT letter_id, log_offset, reason FROM dead_letter ORDER BY log_offset")
        await conn.execute("DELETE FROM dead_letter; DELETE FROM sender_hour; DELETE FROM outbox; DELETE FROM lane")

    async with harness.run_in_process(max_records=4, **options):
        await poll(lambda: _is_counted(harness, 40), what="all counted again")

    async with harness.conn() as conn:
        after = await conn.fetch("SELECT letter_id, log_offset, reason FROM dead_letter ORDER BY log_offset")
    assert after == before
    assert len(after) == 10
