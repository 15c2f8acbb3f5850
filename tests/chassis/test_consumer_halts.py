"""A log that was replaced or truncated: the consumer halts, and an operator decides where it resumes."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest
from aiokafka import TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, RecordsToDelete

from paidan_chassis.consumer import halts
from paidan_chassis.consumer.batch import Lane
from paidan_chassis.consumer.halts import ResumeFrom
from paidan_chassis.errors import Halted
from tests.chassis.consumer_harness import ConsumerHarness, make_bodies
from tests.polling import poll

pytestmark = pytest.mark.takes(seconds=45)


@asynccontextmanager
async def admin(harness: ConsumerHarness) -> AsyncIterator[AIOKafkaAdminClient]:
    """Open an admin client of the cluster."""
    client = AIOKafkaAdminClient(bootstrap_servers=harness.options.kafka)
    try:
        await client.start()
        yield client
    finally:
        await client.close()


async def assert_stays_halted(harness: ConsumerHarness, reason: str) -> None:
    """Check that the consumer halts, and halts again after a restart, for the same reason."""
    for _ in range(2):
        async with harness.run_in_process() as task:
            with pytest.raises(Halted, match=reason):
                await asyncio.wait_for(asyncio.shield(task), 20)


async def replace_cluster_id(harness: ConsumerHarness) -> None:
    async with harness.conn() as conn:
        await conn.execute("UPDATE lane SET cluster_id = 'another'")


async def recreate_topic(harness: ConsumerHarness) -> None:
    """Create the topic again with as many records, so that only its id differs."""
    real = harness.options.cluster().prefixed("in")
    async with admin(harness) as client:
        await client.delete_topics([real])

        async def gone() -> bool:
            return real not in await client.list_topics()

        await poll(gone, what="the topic's end")
    harness.sent.clear()
    await harness.send(make_bodies(60, name="another log"))


async def truncate_log(harness: ConsumerHarness) -> None:
    async with harness.conn() as conn:
        await conn.execute("UPDATE lane SET next_offset = next_offset + 1000")


async def trim_log_start(harness: ConsumerHarness) -> None:
    """Delete records that were not read yet, as retention does."""
    await harness.send(make_bodies(60, name="deleted"))
    async with admin(harness) as client:
        real = harness.options.cluster().prefixed("in")
        everything = {TopicPartition(real, partition): RecordsToDelete(-1) for partition in range(3)}
        await client.delete_records(everything)
    await harness.send(make_bodies(60, name="kept"))


@pytest.mark.parametrize(
    ("change", "reason", "resume_from", "total"),
    [
        (replace_cluster_id, "cluster_changed", "kept", 60),
        (recreate_topic, "topic_changed", "start", 120),
        (truncate_log, "offset_after_log", "end", 60),
        (trim_log_start, "offset_before_log", "start", 120),
    ],
)
async def test_changed_log_halts_until_resumed(
    harness: ConsumerHarness,
    change: Callable[[ConsumerHarness], Awaitable[None]],
    reason: str,
    resume_from: ResumeFrom,
    total: int,
) -> None:
    """Offsets mean something else there; only an operator can decide where to resume."""
    await harness.send(make_bodies(60))
    async with harness.run_in_process():
        await harness.wait_settled(60)
    await change(harness)

    await assert_stays_halted(harness, reason)
    assert await harness.balance() == 60

    async with harness.conn() as conn:
        await halts.resume(conn, "ledger", resume_from=resume_from)
    async with harness.run_in_process():
        await harness.wait_settled(total)
        await poll(lambda: all_lanes_have_positions(harness), within_s=30, what="positions of all lanes")
        await harness.send(["one more"])
        await harness.wait_settled(total + 1)


async def all_lanes_have_positions(harness: ConsumerHarness) -> bool:
    return await harness.fetch_number("SELECT count(*) FROM lane WHERE next_offset < 0 OR topic_id IS NULL") == 0


async def test_topic_recreated_under_a_running_consumer_halts_it(harness: ConsumerHarness) -> None:
    """Its new records have old offsets: dropped as repeats, they would be lost silently."""
    await harness.send(make_bodies(60))
    async with harness.run_in_process() as task:
        await harness.wait_settled(60)
        await recreate_topic(harness)
        with pytest.raises(Halted, match=r"topic_changed|offset_after_log"):
            await asyncio.wait_for(asyncio.shield(task), 60)


async def test_resume_at_offsets_of_single_lanes(harness: ConsumerHarness) -> None:
    """An operator who knows what was handled elsewhere sets each lane's offset."""
    await harness.send([f"in {number}" for number in range(30)])
    async with harness.run_in_process():
        await harness.wait_settled(30)
    async with harness.conn() as conn:
        await halts.record(conn, "ledger", "by_hand", "")
        rows = await conn.fetch("SELECT partition, next_offset FROM lane")
        offsets = {Lane("in", row["partition"]): max(0, row["next_offset"] - 2) for row in rows}
        again = sum(row["next_offset"] - offsets[Lane("in", row["partition"])] for row in rows)
        assert await halts.resume(conn, "ledger", offsets=offsets) == 1

    async with harness.run_in_process():
        await harness.wait_settled(30 + again)
