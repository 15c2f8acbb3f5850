"""What one consumer does with what comes in: applied once, said in order, followed to new topics."""

import signal
import time

from aiokafka import AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient

from paidan_chassis.kafka.producer import Parcel
from tests.chassis.consumer_harness import Stage, bodies
from tests.chassis.foreign_records import put, put_with_odd_header_name
from tests.polling import poll


async def test_everything_is_applied_once_and_said_in_order(stage: Stage) -> None:
    await stage.send(bodies(3000))

    async with stage.here():
        await stage.settled(3000)

    await stage.audit()


async def test_a_second_run_applies_nothing_again(stage: Stage) -> None:
    """Positions are the database's; Kafka's own, which lag, do not matter."""
    await stage.send(bodies(200))
    async with stage.here():
        await stage.settled(200)

    await stage.send(bodies(100, name="later"))
    async with stage.here():
        await stage.settled(300)

    await stage.audit()


async def test_headers_that_are_not_utf8_or_null_reach_the_handler(stage: Stage) -> None:
    """FastStream's own parser would lose the whole poll over one of them."""
    odd = [("trace", b"\xff\xfe"), ("empty", None)]
    await put(stage, [Parcel("in", 0, b"k", b"odd", odd), Parcel("in", 0, b"k", b"plain", [])])
    stage.sent += ["odd", "plain"]

    async with stage.here():
        await stage.settled(2)

    await stage.audit()


async def test_a_header_name_that_is_not_utf8_stops_nobody(stage: Stage) -> None:
    """aiokafka's parser raises on one from every poll, for ever, and with it for every lane of the consumer."""
    await put(stage, [Parcel("in", 0, b"k", b"before", [])])
    await put_with_odd_header_name(stage, b"odd")
    await put(stage, [Parcel("in", 0, b"k", b"after", []), Parcel("in", 1, b"l", b"elsewhere", [])])
    stage.sent += ["before", "odd", "after", "elsewhere"]

    async with stage.here():
        await stage.settled(4)

    await stage.audit()


async def test_a_topic_that_appears_while_running_is_read_from_its_start(stage: Stage) -> None:
    """Departments come and go; each has an answers topic of its own."""
    await stage.send(["in one"], topic="answers.one")
    async with stage.here(topics=("in",), prefixes=("answers.",)):
        await stage.applied(1)
        await stage.send(["in two"], topic="answers.two")
        await stage.send(["in in"], topic="in")
        await stage.settled(3, within_s=30)

    await stage.audit()


async def test_a_record_is_dated_by_the_broker_and_not_by_whoever_wrote_it(stage: Stage) -> None:
    """Limits are judged by that time, so nobody may choose it."""
    started_ms = int(time.time() * 1000)
    await put(stage, [])
    producer = AIOKafkaProducer(bootstrap_servers=stage.orders.kafka)
    await producer.start()
    await producer.send_and_wait(stage.orders.cluster().real("in"), b"long ago", key=b"k", timestamp_ms=1_000_000)
    await producer.stop()

    async with stage.here():
        await stage.settled(1)

    dated_ms = await stage.value("SELECT extract(epoch FROM appended_at) * 1000 FROM entry")
    assert started_ms <= dated_ms <= int(time.time() * 1000)


async def test_relayed_rows_leave_the_outbox(stage: Stage) -> None:
    await stage.send(bodies(500))
    async with stage.here():
        await stage.settled(500)

        async def empty() -> bool:
            return await stage.value("SELECT count(*) FROM outbox") == 0

        await poll(empty, what="an empty outbox")


async def test_kafka_is_told_the_positions_for_lag_tools(stage: Stage) -> None:
    await stage.send(bodies(50))
    async with stage.here():
        await stage.settled(50)

    consumer = await committed(stage)
    async with stage.conn() as conn:
        rows = await conn.fetch("SELECT partition, next_offset FROM lane WHERE next_offset > 0")
    assert consumer == {row["partition"]: row["next_offset"] for row in rows}


async def committed(stage: Stage) -> dict[int, int]:
    """Read the group's offsets as a lag tool does."""
    admin = AIOKafkaAdminClient(bootstrap_servers=stage.orders.kafka)
    await admin.start()
    try:
        found = await admin.list_consumer_group_offsets(stage.orders.cluster().real("ledger"))
        return {each.partition: at.offset for each, at in found.items() if at.offset > 0}
    finally:
        await admin.close()


async def test_a_graceful_stop_leaves_nothing_unsaid(stage: Stage) -> None:
    """What was committed is relayed and noted before the process ends, within its deadline."""
    await stage.send(bodies(4000))
    with stage.actor(naps_s=0.1) as actor:  # asked to stop with a batch in hand, and seconds before the last one
        await stage.applied(500)
        actor.send(signal.SIGTERM)
        code = await poll(lambda: actor.ended() is not None, within_s=10, what="the process's end")
        assert code
        assert actor.ended() == 0
    assert await stage.unrelayed() == 0
    assert await stage.balance() < 4000

    with stage.actor():
        await stage.settled(4000)
    await stage.audit()
