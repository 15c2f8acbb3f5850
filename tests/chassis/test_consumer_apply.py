"""One consumer and its input: records are applied once, messages published in order, new topics found."""

import signal
import time

import pytest
from aiokafka import AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient

from paidan_chassis.kafka.record_batch import ProducerRecord
from tests.chassis.consumer_harness import ConsumerHarness, make_bodies
from tests.chassis.foreign_records import append_non_utf8_header_name, append_records
from tests.polling import poll

pytestmark = pytest.mark.takes(seconds=30)


async def test_records_are_applied_once_and_published_in_order(harness: ConsumerHarness) -> None:
    await harness.send(make_bodies(3000))

    async with harness.run_in_process():
        await harness.wait_settled(3000)

    await harness.audit()


async def test_restart_applies_nothing_twice(harness: ConsumerHarness) -> None:
    """Positions are in the database; the offsets in Kafka lag behind and are not read."""
    await harness.send(make_bodies(200))
    async with harness.run_in_process():
        await harness.wait_settled(200)

    await harness.send(make_bodies(100, name="later"))
    async with harness.run_in_process():
        await harness.wait_settled(300)

    await harness.audit()


async def test_headers_that_are_not_utf8_or_null_reach_the_handler(harness: ConsumerHarness) -> None:
    """FastStream's own parser would lose the whole poll over one of them."""
    odd = [("trace", b"\xff\xfe"), ("empty", None)]
    await append_records(
        harness, [ProducerRecord("in", 0, b"k", b"odd", odd), ProducerRecord("in", 0, b"k", b"plain", [])]
    )
    harness.sent += ["odd", "plain"]

    async with harness.run_in_process():
        await harness.wait_settled(2)

    await harness.audit()


async def test_non_utf8_header_name_does_not_stop_the_consumer(harness: ConsumerHarness) -> None:
    """aiokafka's parser raises on one from every poll, for ever, and with it for every lane of the consumer."""
    await append_records(harness, [ProducerRecord("in", 0, b"k", b"before", [])])
    await append_non_utf8_header_name(harness, b"odd")
    await append_records(
        harness, [ProducerRecord("in", 0, b"k", b"after", []), ProducerRecord("in", 1, b"l", b"elsewhere", [])]
    )
    harness.sent += ["before", "odd", "after", "elsewhere"]

    async with harness.run_in_process():
        await harness.wait_settled(4)

    await harness.audit()


async def test_a_topic_that_appears_while_running_is_read_from_its_start(harness: ConsumerHarness) -> None:
    """A new department gets an answers topic of its own."""
    await harness.send(["in one"], topic="answers.one")
    async with harness.run_in_process(topics=("in",), prefixes=("answers.",)):
        await harness.wait_applied(1)
        await harness.send(["in two"], topic="answers.two")
        await harness.send(["in in"], topic="in")
        await harness.wait_settled(3, within_s=30)

    await harness.audit()


async def test_record_timestamp_is_the_brokers(harness: ConsumerHarness) -> None:
    """Time limits depend on that time, so senders must not choose it."""
    started_ms = int(time.time() * 1000)
    await append_records(harness, [])
    producer = AIOKafkaProducer(bootstrap_servers=harness.options.kafka)
    await producer.start()
    await producer.send_and_wait(
        harness.options.cluster().prefixed("in"), b"long ago", key=b"k", timestamp_ms=1_000_000
    )
    await producer.stop()

    async with harness.run_in_process():
        await harness.wait_settled(1)

    dated_ms = await harness.fetch_number("SELECT extract(epoch FROM appended_at) * 1000 FROM entry")
    assert started_ms <= dated_ms <= int(time.time() * 1000)


async def test_relayed_rows_leave_the_outbox(harness: ConsumerHarness) -> None:
    await harness.send(make_bodies(500))
    async with harness.run_in_process():
        await harness.wait_settled(500)

        async def empty() -> bool:
            return await harness.fetch_number("SELECT count(*) FROM outbox") == 0

        await poll(empty, what="an empty outbox")


async def test_offsets_are_committed_to_kafka(harness: ConsumerHarness) -> None:
    await harness.send(make_bodies(50))
    async with harness.run_in_process():
        await harness.wait_settled(50)

    committed = await committed_offsets(harness)
    async with harness.conn() as conn:
        rows = await conn.fetch("SELECT partition, next_offset FROM lane WHERE next_offset > 0")
    assert committed == {row["partition"]: row["next_offset"] for row in rows}


async def committed_offsets(harness: ConsumerHarness) -> dict[int, int]:
    """Return the group's offsets as a lag tool reads them."""
    admin = AIOKafkaAdminClient(bootstrap_servers=harness.options.kafka)
    try:
        await admin.start()
        offsets = await admin.list_consumer_group_offsets(harness.options.cluster().prefixed("ledger"))
        return {each.partition: at.offset for each, at in offsets.items() if at.offset > 0}
    finally:
        await admin.close()


async def test_graceful_stop_relays_everything(harness: ConsumerHarness) -> None:
    """What was committed is relayed and saved before the process ends, within its deadline."""
    await harness.send(make_bodies(4000))
    with harness.start_process(sleep_s=0.1) as process:  # stopped during a batch, seconds before the last one
        await harness.wait_applied(500)
        process.send_signal(signal.SIGTERM)
        code = await poll(lambda: process.exit_code() is not None, what="the process's end")
        assert code
        assert process.exit_code() == 0
    assert await harness.unrelayed_count() == 0
    assert await harness.balance() < 4000

    with harness.start_process():
        await harness.wait_settled(4000)
    await harness.audit()
