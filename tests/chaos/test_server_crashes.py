"""Kafka and PostgreSQL are killed and restarted under load: services recover by themselves and lose nothing."""

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
def installation_servers(own_kafka: KafkaServer, own_postgres: PostgresServer) -> ServerAddresses:
    """Return servers that may be killed."""
    return ServerAddresses(own_kafka.address, own_postgres.dsn)


async def test_services_recover_from_killed_servers_under_load(
    installation: ChaosInstallation, own_kafka: KafkaServer, own_postgres: PostgresServer, *, full_run: bool
) -> None:
    load = Load(installation, seed=5, answered_percent=30)
    await installation.start()
    rounds = 5 if full_run else 1
    finished = False

    async def outages() -> None:
        nonlocal finished
        for _ in range(rounds):
            for server in (own_postgres, own_kafka):
                before, refused = load.delivered_count, load.unavailable_count
                await poll(lambda before=before: load.delivered_count > before + 100, within_s=120, what="load")  # type: ignore[misc]
                await asyncio.to_thread(server.kill)
                await poll(lambda refused=refused: load.unavailable_count > refused, within_s=60, what="503")  # type: ignore[misc]
                await asyncio.to_thread(server.start)
        finished = True

    async with load.responders(), asyncio.TaskGroup() as group:
        group.create_task(outages())
        # Two tasks: while alarms wait for Kafka, tickets must go on to be answered 503.
        group.create_task(load.send_reports_until(lambda: finished, name="s", batch_size=30, alarms_of_4=0))
        group.create_task(load.send_reports_until(lambda: finished, name="a", batch_size=10, alarms_of_4=4))
    await wait_settled(installation)

    assert {name: process.exit_code for name, process in installation.processes.items()} == dict.fromkeys(
        installation.processes
    )
    for process in installation.processes.values():
        await process.wait_until_ready()
    await audit_installation(installation, load)
    assert load.unavailable_count >= 2 * rounds, "intake must answer 503 while a server is down"
