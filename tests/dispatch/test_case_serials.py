"""Serials of case numbers on real tables: the same however batches are cut, and none is lost in a rollback."""

import hashlib
from typing import Any

import asyncpg
import pytest

from paidan_chassis.consumer.batch import Batch
from paidan_contracts.reports import ReportReceived
from paidan_dispatch.city_packs import PackCache
from paidan_dispatch.handlers import InboxHandler
from tests.contracts.city_packs import load_tiny
from tests.dispatch import database_fixture
from tests.dispatch.applied_alike import applied_alike
from tests.dispatch.applied_inbox import InboxRecords, apply_records
from tests.dispatch.inbox_entries import build_report, city_in_force

SELECT_NUMBERS = "SELECT number FROM case_now ORDER BY reported_at, case_id"
END_OF_DAY = 15 * 60
"""Minutes from the first report to midnight in the city."""


async def _numbered_city(pool: "asyncpg.Pool[Any]") -> str:
    """Publish the tiny city with case numbers; return the version of its pack."""
    pack = load_tiny().pack
    document = pack.model_dump(mode="json", exclude_none=True) | {"numbers": {"pattern": "T{yyyyMMdd}{seq3}"}}
    content = type(pack).model_validate(document).canonical_bytes()
    assert await database_fixture.publish_pack(pool, content) == hashlib.sha256(content).hexdigest()
    return hashlib.sha256(content).hexdigest()


def _apart(count: int, *, first: int = 0, minutes: int = 1) -> list[ReportReceived]:
    """Return reports that open a case each."""
    return [build_report(f"n{k}", minutes=minutes * k, east_m=1_000 * k) for k in range(first, first + count)]


async def test_numbers_are_the_same_however_batches_are_cut(pool: "asyncpg.Pool[Any]") -> None:
    version = await _numbered_city(pool)
    log = InboxRecords().append(city_in_force(of_version=version), *_apart(4), *_apart(2, first=5, minutes=END_OF_DAY))

    await applied_alike(pool, log)

    numbers = [row["number"] for row in await pool.fetch(SELECT_NUMBERS)]
    assert numbers[:4] == [f"T20260302{k:03}" for k in (1, 2, 3, 4)]
    assert [number[-3:] for number in numbers[4:]] == ["001", "001"], "each on a day of its own"


@pytest.mark.parametrize("prepares", [True, False])
async def test_serial_that_was_given_out_in_a_batch_that_failed_is_given_out_again(
    pool: "asyncpg.Pool[Any]", prepares: bool
) -> None:
    """The handler keeps the last serial in memory; what was not committed does not stay in it."""
    version, handler = await _numbered_city(pool), InboxHandler(PackCache())
    log = InboxRecords().append(city_in_force(of_version=version), *_apart(4))
    await apply_records(pool, log.records[:3], handler_override=handler)

    async with pool.acquire() as conn:
        transaction = conn.transaction()
        await transaction.start()
        batch = Batch(conn, log.records[3:], max_message_bytes=1_000_000)
        await (handler.prepare(batch) if prepares else handler.apply(batch))
        await transaction.rollback()
    handler.clear_cache()
    await apply_records(pool, log.records[3:], handler_override=handler)

    assert [row["number"] for row in await pool.fetch(SELECT_NUMBERS)] == [f"T20260302{k:03}" for k in (1, 2, 3, 4)]


async def test_a_batch_writes_the_serials_of_its_own_partitions_alone(pool: "asyncpg.Pool[Any]") -> None:
    """Another owner may have gone on with the others: their positions do not fence this batch."""
    version, handler = await _numbered_city(pool), InboxHandler(PackCache())
    log = InboxRecords()
    for partition in (0, 1):
        log.append(city_in_force(of_version=version), *_apart(2, first=10 * partition), partition=partition)
    [first, second], [third, fourth] = log.records[1:3], log.records[4:]
    await apply_records(pool, [log.records[0], log.records[3]], handler_override=handler)
    await apply_records(pool, [first, third], handler_override=handler, batch_size=1, prepares=True)

    async with pool.acquire() as conn:
        written = [await handler.prepare(Batch(conn, [each], max_message_bytes=1_000_000)) for each in (second, fourth)]

    lanes = [each.arguments[0] for writes in written for each in writes or () if each.name == "serials"]
    assert lanes == [(0,), (1,)]


async def test_reports_before_a_pack_without_numbers_have_theirs_however_batches_are_cut(
    pool: "asyncpg.Pool[Any]",
) -> None:
    version, (first, second) = await _numbered_city(pool), _apart(2)
    log = InboxRecords().append(city_in_force(of_version=version), first, city_in_force(), second)

    await applied_alike(pool, log)

    numbers = [row["number"] for row in await pool.fetch(SELECT_NUMBERS)]
    assert (numbers[0], numbers[1]) == ("T20260302001", None)
