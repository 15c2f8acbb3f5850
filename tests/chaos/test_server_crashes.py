"""Kafka and PostgreSQL are killed under load and come back: services mend themselves, and nothing is lost."""

import asyncio

import pytest

from paidan_deploy.servers.kafka import KafkaServer
from paidan_deploy.servers.postgres import PostgresServer
from tests.chaos.audit import audit_installation
from tests.chaos.installation import ChaosInstallation
from tests.chaos.load import Load
from tests.chaos.wait_settled import wait_settled
from tests.polling import poll
from tests.servers import ServerAddresses

pytestmark = pytest.mark.takes(seconds=25)


@pytest.fixture
def works_servers(own_kafka: KafkaServer, own_postgres: PostgresServer) -> ServerAddresses:
    """Give servers that may be killed."""
    return ServerAddresses(own_kafka.address, own_postgres.dsn)


async def test_killed_servers_under_load_are_waited_for(
    installation: ChaosInstallation, own_kafka: KafkaServer, own_postgres: PostgresServer, *, full_run: bool
) -> None:
    load = Load(installation, seed=5, answered_percent=30)
    await installation.start()
    rounds = 5 if full_run else 1
    over = False

    async def outages() -> None:
        nonlocal over
        for _ in range(rounds):
            for server in (own_postgres, own_kafka):
                before, refused = load.delivered_count, load.unavailable_count
                await poll(lambda before=before: load.delivered_count > before + 100, within_s=120, what="load")  # type: ignore[misc]
                await asyncio.to_thread(server.kill)
                await poll(lambda refused=refused: load.unavailable_count > refused, within_s=60, what="503")  # type: ignore[misc]
                await asyncio.to_thread(server.start)
        over = True

    async with load.staffed(), asyncio.TaskGroup() as group:
        group.create_task(outages())
        # Apart: while cameras wait for Kafka, somebody has to ask intake and be turned away.
        group.create_task(load.send_reports_until(lambda: over, name="s", batch_size=30, alarms_of_4=0))
        group.create_task(load.send_reports_until(lambda: over, name="a", batch_size=10, alarms_of_4=4))
    await wait_settled(installation)

    assert {name: member.exit_code for name, member in installation.processes.items()} == dict.fromkeys(
        installation.processes
    )
    for member in installation.processes.values():
        await member.wait_until_ready()
    await audit_installation(installation, load)
    assert load.unavailable_count >= 2 * rounds, "while a server is away nobody is told 2xx"
