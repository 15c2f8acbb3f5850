"""Servers are killed under load, topics refuse writes, loops stall: the consumer recovers or ends."""

import asyncio
import os
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from aiokafka import AIOKafkaConsumer
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType

from paidan_chassis.errors import Unacknowledged
from paidan_chassis.kafka.cluster import KafkaCluster
from paidan_chassis.kafka.errors import MessageTooLarge
from paidan_chassis.kafka.message import Message
from paidan_chassis.kafka.producer import Publisher
from paidan_chassis.kafka.record_batch import ProducerRecord
from paidan_deploy.servers.kafka import KafkaServer
from paidan_deploy.servers.postgres import PostgresServer
from tests import servers as real
from tests.chassis.consumer_harness import ConsumerHarness, ConsumerProcess, make_bodies
from tests.chassis.consumer_options import ConsumerOptions
from tests.polling import poll
from tests.servers import ServerAddresses

pytestmark = pytest.mark.takes(seconds=45)

StartPostgres = Callable[..., PostgresServer]


@pytest.fixture(scope="module")
def own_kafka(run_folder: Path) -> Iterator[KafkaServer]:
    """Start one broker for this file to kill and to pause."""
    with real.private_kafka(run_folder) as server:
        yield server


@pytest.fixture
async def own_postgres(harness: ConsumerHarness, start_postgres: StartPostgres) -> PostgresServer:
    """Start a private PostgreSQL for the harness."""
    server = start_postgres()
    harness.options = ConsumerOptions(
        harness.options.kafka, harness.options.prefix, server.dsn, session_timeout_ms=harness.options.session_timeout_ms
    )
    await harness.prepare()
    return server


async def test_killed_postgres_under_load_is_waited_for(harness: ConsumerHarness, own_postgres: PostgresServer) -> None:
    """The running batch is retried; nothing is lost and the process does not end."""
    await harness.send(make_bodies(2000))
    with harness.start_process(sleep_s=0.05) as actor:
        for applied in (300, 900):
            await harness.wait_applied(applied)
            own_postgres.kill()
            own_postgres.start()
        await harness.wait_settled(2000)
        assert actor.exit_code() is None
        assert "batch_delayed" in actor.log_text()

    await harness.audit()


async def test_rebalance_during_a_postgres_outage(harness: ConsumerHarness, own_postgres: PostgresServer) -> None:
    """A new owner that cannot read its lanes' positions must neither guess them nor block the group."""
    await harness.send(make_bodies(1000))
    with harness.start_process(sleep_s=0.05, max_records=50) as survivor:
        await harness.wait_applied(100)
        own_postgres.kill()
        for _ in range(3):
            assignments = assignment_count(survivor)
            async with rival_consumer(harness):
                await assigned_again(survivor, assignments)
                assignments = assignment_count(survivor)
            await assigned_again(survivor, assignments)
        own_postgres.start()
        await harness.wait_settled(1000)
        assert survivor.exit_code() is None

    await harness.audit()


@asynccontextmanager
async def rival_consumer(harness: ConsumerHarness) -> AsyncIterator[None]:
    """Run another member of the group, which is assigned some lanes and reads none."""
    cluster, subscription = harness.options.cluster(), harness.options.subscription()
    member = AIOKafkaConsumer(
        *(cluster.prefixed(topic) for topic in subscription.topics),
        bootstrap_servers=cluster.servers,
        group_id=cluster.prefixed(subscription.name),
        enable_auto_commit=False,
    )
    try:
        await member.start()
        yield
    finally:
        await member.stop()


def assignment_count(actor: ConsumerProcess) -> int:
    """Return how many assignments a process has had."""
    return actor.log_text().count("lanes_assigned")


async def assigned_again(actor: ConsumerProcess, assignments: int) -> None:
    """Wait until a process has had more than this many assignments."""
    await poll(lambda: assignment_count(actor) > assignments, within_s=30, what="a rebalance")


async def test_killed_kafka_under_load_is_waited_for(harness: ConsumerHarness, own_kafka: KafkaServer) -> None:
    """The relay sends again what was not acknowledged, through a new producer; the consumer finds its way back."""
    harness.options = ConsumerOptions(
        own_kafka.address, harness.options.prefix, harness.options.dsn, session_timeout_ms=1500
    )
    await harness.send(make_bodies(3000))
    with harness.start_process(sleep_s=0.02) as actor:
        await harness.wait_applied(500)
        own_kafka.kill()
        own_kafka.start()
        await harness.send(make_bodies(100, name="afterwards"))
        await harness.wait_settled(3100, within_s=90)
        assert actor.exit_code() is None

    await harness.audit()


async def test_stalled_loop_ends_the_process(harness: ConsumerHarness) -> None:
    """A handler that never returns is a stall: records wait, and there is no outage."""
    await harness.send(make_bodies(10))
    with harness.start_process(sleep_s=3600, stalls_after_s=3.0) as actor:
        code = await poll(actor.exit_code, within_s=40, what="the process's end")
        assert code == 70
        assert "Stalled" in actor.log_text()


async def test_client_that_sticks_ends_the_process(harness: ConsumerHarness) -> None:
    """Its questions time out for ever, which looks like an outage; but Kafka answers on every other connection."""
    with harness.start_process(sticks_after=1, stalls_after_s=8.0, compare_every_s=0.5) as actor:
        await harness.send(make_bodies(10))
        await harness.wait_applied(10)
        async with harness.conn() as conn:
            await conn.execute("UPDATE lane SET seq = seq + 1")  # lanes that another moved are taken over again

        code = await poll(actor.exit_code, within_s=40, what="the process's end")
        assert code == 70
        assert "Stalled" in actor.log_text()


async def test_client_that_polls_nothing_is_replaced(harness: ConsumerHarness) -> None:
    """As after a broker's restart, now and then: the process goes on, and with it whatever else it serves."""
    with harness.start_process(stops_polling_after=10, stalls_after_s=16.0) as actor:
        await harness.send(make_bodies(10))
        await harness.wait_applied(10)
        await harness.send(make_bodies(10, name="afterwards"))
        await harness.wait_settled(20, within_s=60)
        assert actor.exit_code() is None
        assert actor.log_text().count("consumer_restarted") == 1

    await harness.audit()


async def test_failed_producer_is_replaced(servers: ServerAddresses, topic_prefix: str) -> None:
    """After one refusal by the broker, aiokafka's idempotent producer fails on that partition for ever."""
    kafka = KafkaCluster(servers.kafka, topic_prefix)
    small, large = ProducerRecord("t", 0, b"k", b"small", []), ProducerRecord("t", 0, b"k", os.urandom(50_000), [])
    async with Publisher(kafka, client_id="rebuilt") as publisher:
        await publisher.topic_admin.ensure(["t"])
        await publisher.send_in_order([small])
        await limit_message_size(servers, kafka.prefixed("t"), 10_000)

        with pytest.raises(Unacknowledged):
            await publisher.send_in_order([large])
        for _ in range(3):
            await publisher.send_in_order([small])

        assert publisher.rebuilds == 1


async def test_deleted_topic_is_recreated(servers: ServerAddresses, topic_prefix: str) -> None:
    """The outbox still has unacknowledged messages; without their topic the lane would be blocked for ever."""
    async with Publisher(KafkaCluster(servers.kafka, topic_prefix), client_id="rebuilt") as publisher:
        await publisher.send([Message("t", "k", b"one", ())])
        admin = AIOKafkaAdminClient(bootstrap_servers=servers.kafka)
        await admin.start()
        await admin.delete_topics([topic_prefix + "t"])
        await admin.close()

        async def accepted() -> bool:
            try:
                await publisher.send([Message("t", "k", b"two", ())], timeout_s=3.0)
            except Unacknowledged:
                return False
            return True

        await poll(accepted, within_s=30, what="the topic created again")


async def limit_message_size(servers: ServerAddresses, topic: str, largest: int) -> None:
    """Make the broker refuse larger batches from now on."""
    admin = AIOKafkaAdminClient(bootstrap_servers=servers.kafka)
    try:
        await admin.start()
        resource = ConfigResource(ConfigResourceType.TOPIC, topic, {"max.message.bytes": str(largest)})
        await admin.alter_configs([resource])
    finally:
        await admin.close()


async def test_oversized_message_is_refused_before_sending(servers: ServerAddresses, topic_prefix: str) -> None:
    async with Publisher(KafkaCluster(servers.kafka, topic_prefix), client_id="careful") as publisher:
        with pytest.raises(MessageTooLarge):
            await publisher.send([Message("t", "k", b"x" * 1_500_000, ())])


async def test_publish_fails_during_a_kafka_outage_and_recovers(own_kafka: KafkaServer) -> None:
    """Each call fails within its timeout; concurrent failures replace the producer once."""
    message = Message("t", "k", b"one", ())
    async with Publisher(KafkaCluster(own_kafka.address, "crowd."), client_id="crowd") as publisher:
        await publisher.send([message])
        own_kafka.pause()
        sends = [publisher.send([message], timeout_s=1.0) for _ in range(20)]
        outcomes = await asyncio.gather(*sends, return_exceptions=True)
        own_kafka.resume()

        assert all(isinstance(outcome, Unacknowledged) for outcome in outcomes)
        assert publisher.rebuilds == 1

        async def accepted() -> bool:
            try:
                await publisher.send([message], timeout_s=5.0)
            except Unacknowledged:
                return False
            return True

        await poll(accepted, within_s=30, what="a broker that accepts messages again")
