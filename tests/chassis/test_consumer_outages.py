"""Servers die and come back under load, topics cannot be written, loops stick: the consumer mends itself or ends."""

import asyncio
import os
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from aiokafka import AIOKafkaConsumer
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType

from paidan_chassis.consumer.errors import TooLarge, Unacknowledged
from paidan_chassis.consumer.records import Message
from paidan_chassis.kafka.cluster import Kafka
from paidan_chassis.kafka.producer import Parcel, Publisher
from paidan_deploy.servers.kafka import KafkaServer
from paidan_deploy.servers.postgres import PostgresServer
from tests import servers as real
from tests.chassis.consumer_harness import Actor, Stage, bodies
from tests.chassis.sample_consumer import Orders
from tests.polling import poll
from tests.servers import Servers

StartPostgres = Callable[..., PostgresServer]


@pytest.fixture(scope="module")
def own_kafka(run_folder: Path) -> Iterator[KafkaServer]:
    """Start one broker for this file to kill and to pause."""
    with real.private_kafka(run_folder) as server:
        yield server


@pytest.fixture
async def own_postgres(stage: Stage, start_postgres: StartPostgres) -> PostgresServer:
    """Put the stage on a PostgreSQL of its own."""
    server = start_postgres()
    stage.orders = Orders(
        stage.orders.kafka, stage.orders.prefix, server.dsn, session_timeout_ms=stage.orders.session_timeout_ms
    )
    await stage.prepare()
    return server


async def test_postgres_killed_under_load_is_waited_out(stage: Stage, own_postgres: PostgresServer) -> None:
    """The batch in hand is kept and tried again; nothing is lost and the process lives on."""
    await stage.send(bodies(2000))
    with stage.actor(naps_s=0.05) as actor:
        for applied in (300, 900):
            await stage.applied(applied)
            own_postgres.kill()
            own_postgres.start()
        await stage.settled(2000)
        assert actor.ended() is None
        assert "batch_delayed" in actor.said()

    await stage.audit()


async def test_rebalances_while_postgres_is_away(stage: Stage, own_postgres: PostgresServer) -> None:
    """Whoever gets lanes cannot read where they stand, and must neither guess nor keep the group waiting."""
    await stage.send(bodies(1000))
    with stage.actor(naps_s=0.05, max_records=50) as survivor:
        await stage.applied(100)
        own_postgres.kill()
        for _ in range(3):
            given = times_given(survivor)
            async with rival(stage):
                await given_again(survivor, given)
                given = times_given(survivor)
            await given_again(survivor, given)
        own_postgres.start()
        await stage.settled(1000)
        assert survivor.ended() is None

    await stage.audit()


@asynccontextmanager
async def rival(stage: Stage) -> AsyncIterator[None]:
    """Have another member of the group take some lanes and leave them alone."""
    cluster, reading = stage.orders.cluster(), stage.orders.reading()
    member = AIOKafkaConsumer(
        *(cluster.real(topic) for topic in reading.topics),
        bootstrap_servers=cluster.servers,
        group_id=cluster.real(reading.name),
        enable_auto_commit=False,
    )
    await member.start()
    try:
        yield
    finally:
        await member.stop()


def times_given(actor: Actor) -> int:
    """Count how often an actor was told its lanes."""
    return actor.said().count("lanes_assigned")


async def given_again(actor: Actor, given: int) -> None:
    """Wait until an actor was told its lanes more than so many times."""
    await poll(lambda: times_given(actor) > given, within_s=30, what="a rebalance")


async def test_kafka_killed_under_load_is_waited_out(stage: Stage, own_kafka: KafkaServer) -> None:
    """The relay sends again what was not acknowledged, through a new producer; the consumer finds its way back."""
    stage.orders = Orders(own_kafka.address, stage.orders.prefix, stage.orders.dsn, session_timeout_ms=1500)
    await stage.send(bodies(3000))
    with stage.actor(naps_s=0.02) as actor:
        await stage.applied(500)
        own_kafka.kill()
        own_kafka.start()
        await stage.send(bodies(100, name="afterwards"))
        await stage.settled(3100, within_s=90)
        assert actor.ended() is None

    await stage.audit()


async def test_a_loop_that_makes_no_progress_ends_the_process_loudly(stage: Stage) -> None:
    """A handler that never returns, as a consumer that sticks: records wait, and nothing explains why."""
    await stage.send(bodies(10))
    with stage.actor(naps_s=3600, stalls_after_s=3.0) as actor:
        code = await poll(actor.ended, within_s=40, what="the process's end")
        assert code == 70
        assert "Stalled" in actor.said()


async def test_a_producer_that_died_is_replaced(servers: Servers, topic_prefix: str) -> None:
    """After one refusal by the broker, aiokafka's idempotent producer fails on that partition for ever."""
    kafka = Kafka(servers.kafka, topic_prefix)
    small, large = Parcel("t", 0, b"k", b"small", []), Parcel("t", 0, b"k", os.urandom(50_000), [])
    async with Publisher(kafka, client_id="mended") as publisher:
        await publisher.topology.ensure(["t"])
        await publisher.carry([small])
        await limit(servers, kafka.real("t"), 10_000)

        with pytest.raises(Unacknowledged):
            await publisher.carry([large])
        for _ in range(3):
            await publisher.carry([small])

        assert publisher.rebuilds == 1


async def test_a_topic_that_was_deleted_is_made_anew(servers: Servers, topic_prefix: str) -> None:
    """The outbox still holds what was not acknowledged; without its topic the lane would be blocked for ever."""
    async with Publisher(Kafka(servers.kafka, topic_prefix), client_id="mended") as publisher:
        await publisher.send([Message("t", "k", b"one", ())])
        admin = AIOKafkaAdminClient(bootstrap_servers=servers.kafka)
        await admin.start()
        await admin.delete_topics([topic_prefix + "t"])
        await admin.close()

        async def accepted() -> bool:
            try:
                await publisher.send([Message("t", "k", b"two", ())], within_s=3.0)
            except Unacknowledged:
                return False
            return True

        await poll(accepted, within_s=30, what="the topic made anew")


async def limit(servers: Servers, topic: str, largest: int) -> None:
    """Have the broker refuse larger batches from now on."""
    admin = AIOKafkaAdminClient(bootstrap_servers=servers.kafka)
    await admin.start()
    try:
        resource = ConfigResource(ConfigResourceType.TOPIC, topic, {"max.message.bytes": str(largest)})
        await admin.alter_configs([resource])
    finally:
        await admin.close()


async def test_what_no_broker_takes_is_refused_before_it_is_sent(servers: Servers, topic_prefix: str) -> None:
    async with Publisher(Kafka(servers.kafka, topic_prefix), client_id="careful") as publisher:
        with pytest.raises(TooLarge):
            await publisher.send([Message("t", "k", b"x" * 1_500_000, ())])


async def test_callers_are_refused_while_kafka_is_away_and_served_when_it_is_back(own_kafka: KafkaServer) -> None:
    """Each is refused within its time; those that failed together have replaced the producer once."""
    message = Message("t", "k", b"one", ())
    async with Publisher(Kafka(own_kafka.address, "crowd."), client_id="crowd") as publisher:
        await publisher.send([message])
        own_kafka.pause()
        sends = [publisher.send([message], within_s=1.0) for _ in range(20)]
        outcomes = await asyncio.gather(*sends, return_exceptions=True)
        own_kafka.resume()

        assert all(isinstance(outcome, Unacknowledged) for outcome in outcomes)
        assert publisher.rebuilds == 1

        async def accepted() -> bool:
            try:
                await publisher.send([message], within_s=5.0)
            except Unacknowledged:
                return False
            return True

        await poll(accepted, within_s=30, what="a broker that takes messages again")
