"""Each partition is decided by one release, which changes only where its log has that release's mark."""

from typing import Any

import asyncpg
import pytest

from paidan_chassis.consumer.batch import Lane
from paidan_chassis.consumer.lane_state import LaneState, LogBounds
from paidan_chassis.errors import Halt
from paidan_contracts.inbox import RELEASE, ReleaseInForce
from paidan_contracts.topics import INBOX
from paidan_dispatch.city_packs import PackCache
from paidan_dispatch.handlers import InboxHandler
from tests.dispatch.applied_inbox import BatchOutput, InboxRecords, apply_records
from tests.dispatch.inbox_entries import build_report, city_in_force

NEXT = RELEASE + 1


@pytest.fixture
async def unmarked(pool: "asyncpg.Pool[Any]") -> "asyncpg.Pool[Any]":
    """Return a database as 0.1 left it: no partition has read a mark."""
    await pool.execute("DELETE FROM lane_release")
    return pool


async def decide(
    pool: "asyncpg.Pool[Any]", log: InboxRecords, *, release: int = RELEASE, batch_size: int = 1000
) -> BatchOutput:
    """Apply records with the code of a release."""
    handler = InboxHandler(PackCache(), release=release)
    return await apply_records(pool, log.records, handler_override=handler, batch_size=batch_size)


async def releases(pool: "asyncpg.Pool[Any]") -> dict[int, int]:
    return {row["lane"]: row["number"] for row in await pool.fetch("SELECT lane, number FROM lane_release")}


@pytest.mark.parametrize("record", [city_in_force(), build_report("1"), b"not JSON", None], ids=str)
async def test_a_log_without_a_mark_is_decided_by_0_1_alone(unmarked: "asyncpg.Pool[Any]", record: Any) -> None:  # noqa: ANN401
    with pytest.raises(Halt, match=r"release_needed: paidan\.inbox-0 must be decided by release 1 \(0\.1\)"):
        await decide(unmarked, InboxRecords().append(record))


@pytest.mark.parametrize("batch_size", [1, 2, 1000])
async def test_from_its_mark_on_a_partition_is_decided_by_the_release_that_it_names(
    unmarked: "asyncpg.Pool[Any]", batch_size: int
) -> None:
    log = InboxRecords().append(ReleaseInForce(number=RELEASE), city_in_force(), build_report("1"))

    output = await decide(unmarked, log, batch_size=batch_size)

    assert output.outcomes() == [("opened", None)]
    assert await releases(unmarked) == {0: RELEASE}


async def test_each_partition_changes_at_its_own_mark(unmarked: "asyncpg.Pool[Any]") -> None:
    log = InboxRecords().append(ReleaseInForce(number=RELEASE), city_in_force())
    log.append(city_in_force(), partition=1)

    with pytest.raises(Halt, match=r"paidan\.inbox-1 must be decided by release 1"):
        await decide(unmarked, log)

    assert await releases(unmarked) == {}


async def test_the_mark_of_a_later_release_is_left_to_it(pool: "asyncpg.Pool[Any]") -> None:
    """A process of that release starts where this one stopped, and reads it first."""
    log = InboxRecords().append(city_in_force(), build_report("1"), ReleaseInForce(number=NEXT), build_report("2"))

    with pytest.raises(Halt, match=f"must be decided by release {NEXT}, and this is release {RELEASE}"):
        await decide(pool, log, batch_size=1)
    assert await pool.fetchval("SELECT count(*) FROM outcome") == 1
    assert (await releases(pool))[0] == RELEASE

    output = await decide(pool, InboxRecords(log.records[2:]), release=NEXT)
    assert len(output.outcomes()) == 1
    assert (await releases(pool))[0] == NEXT


async def test_an_older_release_is_named_where_its_records_wait(pool: "asyncpg.Pool[Any]") -> None:
    """As when a backup from before an upgrade was restored."""
    with pytest.raises(
        Halt, match=f"must be decided by release {RELEASE}, and this is release {NEXT}: run dispatch of"
    ):
        await decide(pool, InboxRecords().append(city_in_force()), release=NEXT)


async def test_a_release_may_not_be_skipped(pool: "asyncpg.Pool[Any]") -> None:
    log = InboxRecords().append(ReleaseInForce(number=NEXT), build_report("1"), ReleaseInForce(number=NEXT + 1))

    with pytest.raises(Halt, match=f"must be decided by release {NEXT}, and this is release {NEXT + 1}"):
        await decide(pool, log, release=NEXT + 1, batch_size=1)

    assert (await releases(pool))[0] == NEXT


@pytest.mark.parametrize("number", [1, RELEASE])
async def test_a_mark_that_is_repeated_or_older_changes_nothing(pool: "asyncpg.Pool[Any]", number: int) -> None:
    """Two preparing jobs may place one each, and a late one of the release before, too."""
    log = InboxRecords().append(city_in_force(), ReleaseInForce(number=number), build_report("1"))

    assert (await decide(pool, log)).outcomes() == [("opened", None)]
    assert (await releases(pool))[0] == RELEASE


def lane_states(*, unread: bool) -> dict[Lane, LaneState]:
    return {Lane(INBOX.name, 0): LaneState(5, 0, LogBounds("cluster", "topic", 0, 6 if unread else 5))}


@pytest.mark.parametrize(
    ("number", "unread", "needed"),
    [
        (None, False, "release 1"),
        (None, True, None),
        (RELEASE, False, None),
        (RELEASE, True, None),
        (NEXT, False, f"release {NEXT}"),
        (NEXT, True, f"release {NEXT}"),
    ],
)
async def test_a_partition_of_another_release_halts_when_it_is_taken_over(
    unmarked: "asyncpg.Pool[Any]", number: int | None, unread: bool, needed: str | None
) -> None:
    """Where records are unread, the first may be this release's mark."""
    if number is not None:
        await unmarked.execute("INSERT INTO lane_release VALUES (0, $1)", number)

    async with unmarked.acquire() as conn:
        try:
            await InboxHandler(PackCache()).verify_lanes(conn, lane_states(unread=unread))
            found = None
        except Halt as halt:
            found = halt.detail

    assert (needed is None) == (found is None)
    assert found is None or f"must be decided by {needed}" in found
