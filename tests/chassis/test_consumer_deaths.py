"""A record that ends its process is found and set aside; no other end of a process is held against any record."""

import asyncio
import math
import signal
from uuid import UUID, uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from paidan_chassis.consumer import dead_letters
from paidan_chassis.consumer.batch import Batch, Lane
from paidan_chassis.consumer.ownership import LONE_DEATHS, LogExtent, OwnedRow, Trial, claim, split_for_trials
from paidan_chassis.kafka.record_batch import ProducerRecord
from tests.chassis.consumer_harness import ConsumerHarness, ConsumerProcess, make_bodies
from tests.chassis.foreign_records import append_records
from tests.chassis.test_consumer_state import record
from tests.polling import poll

pytestmark = pytest.mark.takes(seconds=45)

ME, OTHER = UUID(int=1), UUID(int=2)


def claimed(row: OwnedRow | None, next_offset: int, *, end: int = 10_000) -> OwnedRow:
    return claim(row, ME, LogExtent(next_offset, end), max_records=1000)


def test_lane_given_back_in_order_is_on_no_trial() -> None:
    assert claimed(None, 50) == OwnedRow(ME)
    assert claimed(OwnedRow(None), 50).trial_at(50) is None


def test_lane_of_an_owner_that_vanished_is_on_trial_as_far_as_its_log_went() -> None:
    """It may have been waiting: no death is counted. What was appended later cannot have ended it."""
    assert claimed(OwnedRow(OTHER), 50).trial_at(50) == Trial(1050, 100)
    assert claimed(OwnedRow(OTHER), 50, end=60).trial_at(50) == Trial(60, 100)
    assert claimed(OwnedRow(OTHER), 50, end=50).trial_at(50) is None


def test_announced_batch_that_was_not_applied_is_taken_in_smaller_ones() -> None:
    row = claimed(OwnedRow(OTHER, 1050, 100, deciding=250, deciding_count=100), 250)

    assert row.trial_at(250) == Trial(350, 10)
    assert claimed(row._replace(owner=OTHER, deciding=260, deciding_count=10), 260).trial_at(260) == Trial(270, 1)


def test_deaths_are_counted_of_a_lone_record_at_the_same_offset_only() -> None:
    first = claimed(OwnedRow(OTHER, 270, 1, deciding=263, deciding_count=1), 263)
    again = claimed(first._replace(owner=OTHER, deciding=263, deciding_count=1), 263)
    elsewhere = claimed(again._replace(owner=OTHER, deciding=264, deciding_count=1), 264)

    assert first.trial_at(263) == Trial(270, 1, 1, 263)
    assert again.trial_at(263) == Trial(270, 1, 2, 263)
    assert elsewhere.trial_at(264) == Trial(270, 1, 1, 264)


def test_end_after_the_announced_batch_was_applied_counts_for_nothing() -> None:
    row = claimed(OwnedRow(OTHER, 270, 1, deciding=263, deciding_count=1, deaths=2, deaths_at=263), 264)

    assert row.trial_at(264) == Trial(270, 1)


def test_second_take_over_by_the_same_owner_changes_nothing() -> None:
    row = OwnedRow(ME, 270, 1, deciding=263, deciding_count=1, deaths=2, deaths_at=263)

    assert claimed(row, 263) == row


def test_deaths_of_one_record_are_not_held_against_the_next() -> None:
    trial = OwnedRow(ME, 270, 1, deaths=3, deaths_at=263).trial_at(263)

    assert trial is not None
    assert (trial.deaths, trial.deaths_at) == (LONE_DEATHS, 263)


@given(deadly=st.integers(0, 199), max_records=st.sampled_from([1, 7, 100, 1000]), waits=st.lists(st.booleans()))
def test_deadly_record_is_found_and_neighbours_are_never_blamed(
    deadly: int, max_records: int, waits: list[bool]
) -> None:
    """Processes die of the record, and some from outside while they wait; each takes what the trial says."""
    row, position, deaths, kills = OwnedRow(None), 0, 0, list(waits)
    while position <= deadly:
        row = claim(row, uuid4(), LogExtent(position, 200), max_records=max_records)
        if kills and kills.pop():
            continue  # killed while it waits
        while position <= deadly:
            trial = row.trial_at(position)
            if trial and trial.deaths >= LONE_DEATHS:
                assert position == deadly
                assert trial.size == 1
                position += 1
                break
            size = min(trial.size, trial.until - position) if trial else max_records
            if trial:
                row = row._replace(deciding=position, deciding_count=size)
            if position + size > deadly:
                deaths += 1
                break
            position += size
        assert deaths <= 1 + 4 + LONE_DEATHS


def test_poll_is_split_where_lanes_are_on_trial() -> None:
    polled = [record(at) for at in range(10, 15)] + [record(at, 1) for at in range(3)]

    parts = split_for_trials(polled, {Lane("in", 0): Trial(13, 2)})

    assert [[(each.partition, each.offset) for each in part] for part in parts] == [
        [(0, 10), (0, 11)], [(0, 12)], [(0, 13), (0, 14), (1, 0), (1, 1), (1, 2)],
    ]  # fmt: skip


@pytest.mark.parametrize(("paused_at", "expected"), [(math.inf, []), (-math.inf, [1])], ids=["not_due", "due"])
async def test_pause_gives_the_event_loop_its_turn_only_when_that_is_due(paused_at: float, expected: list[int]) -> None:
    """Between records of a long batch the edge must be served; between those of a short one it would only cost."""
    turns: list[int] = []
    batch = Batch(None, [], max_message_bytes=100, _paused_at=paused_at, _last_statement_at=math.inf)  # type: ignore[arg-type] # the database is not used
    asyncio.get_running_loop().call_soon(turns.append, 1)

    await batch.pause()

    assert turns == expected


async def wait_killed(process: ConsumerProcess) -> None:
    await poll(lambda: process.exit_code() is not None, within_s=30, what="the process is killed")
    assert process.exit_code() == -signal.SIGKILL, process.log_text()


async def test_record_that_kills_its_process_is_set_aside_and_its_neighbours_are_applied(
    harness: ConsumerHarness,
) -> None:
    """In a batch of a hundred, of ten, then three times alone; the process after that lives."""
    before, after = make_bodies(33, name="before"), make_bodies(40, name="after")
    await append_records(
        harness,
        [ProducerRecord("in", 0, b"k", body.encode(), []) for body in (*before, "deadly", *after)]
        + [ProducerRecord("in", 1, b"l", body.encode(), []) for body in make_bodies(20)],
    )
    harness.sent += [*before, *after, *make_bodies(20)]

    for _ in range(5):
        with harness.start_process() as process:
            await wait_killed(process)
        assert await harness.dead_letter_count() == 0
    with harness.start_process():
        await harness.wait_settled(93)

    await harness.audit()
    async with harness.conn() as conn:
        [letter] = await dead_letters.load_oldest(conn)
    assert (letter.reason, letter.partition, letter.offset) == ("ended_its_process", 0, 33)


async def test_kills_from_outside_lose_nothing_and_are_held_against_no_record(harness: ConsumerHarness) -> None:
    """While it waits for records, and while its handler waits for the database on the only record there is."""
    await harness.send(["alone"], keys=1)
    async with harness.conn() as conn:
        await conn.execute("SELECT pg_advisory_lock(4711)")
        for _ in range(4):
            with harness.start_process(waits_at=4711) as process:
                await poll(lambda: _is_waiting(harness), within_s=30, what="the handler waits")
                process.send_signal(signal.SIGKILL)
                await wait_killed(process)
    for _ in range(3):
        with harness.start_process() as process:
            await harness.wait_settled(1)
            process.send_signal(signal.SIGKILL)
            await wait_killed(process)
    await harness.send(make_bodies(50))
    with harness.start_process():
        await harness.wait_settled(51)

    assert await harness.dead_letter_count() == 0
    await harness.audit()


async def _is_waiting(harness: ConsumerHarness) -> bool:
    return await harness.fetch_number("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted") > 0


async def test_orderly_stops_put_no_lane_on_trial(harness: ConsumerHarness) -> None:
    """Whatever is written for trials costs nothing while nobody dies."""
    await harness.send(make_bodies(30))
    async with harness.run_in_process():
        await harness.wait_settled(30)
    async with harness.run_in_process():
        await harness.send(make_bodies(30, name="more"))
        await harness.wait_settled(60)

        assert await harness.fetch_number("SELECT count(*) FROM lane_owner WHERE trial_until > 0") == 0
    assert await harness.fetch_number("SELECT count(*) FROM lane_owner WHERE owner IS NOT NULL") == 0


async def test_batch_that_computes_for_too_long_is_taken_in_smaller_ones(harness: ConsumerHarness) -> None:
    """PostgreSQL ends a session that is idle in its transaction: the same batch would never be applied as a whole."""
    bodies = [f"slow {at}" for at in range(14)]
    await append_records(harness, [ProducerRecord("in", 0, b"k", body.encode(), []) for body in bodies])
    harness.sent += bodies

    async with harness.run_in_process(slow_s=0.2, idle_in_transaction_s=2.0, session_timeout_ms=10_000) as task:
        await harness.wait_settled(14, within_s=120)
        assert not task.done()

    assert await harness.dead_letter_count() == 0
    await harness.audit()
