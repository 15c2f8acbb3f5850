"""Services, departments and sources on a Kafka with logins, TLS and ACLs, and a PostgreSQL with TLS."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.errors import GroupAuthorizationFailedError, KafkaConnectionError, TopicAuthorizationFailedError

from paidan_chassis.kafka.cluster import KafkaCluster
from paidan_contracts.client import Accept, DepartmentClient
from paidan_contracts.orders import OrderIssued
from paidan_deploy.conservation.log_reader import LogReader
from paidan_deploy.conservation.run import Sources, check_conservation
from paidan_deploy.provisioning.api_keys import create_key
from paidan_deploy.provisioning.connection import open_connection
from paidan_deploy.provisioning.database import create_database
from paidan_deploy.services import SERVICES
from tests.intake.ticket_payloads import build_ticket
from tests.polling import poll
from tests.secured import ADMIN, secured_kafka, secured_postgres
from tests.stack.secured_installation import TINY, USERS, WAIT_S, SecuredInstallation, run_command, running_services

pytestmark = pytest.mark.takes(seconds=25)


@pytest.fixture(scope="module")
async def installation(run_folder: Path) -> AsyncIterator[SecuredInstallation]:
    """Prepare secured servers as the operator, and run each service with its own secrets alone."""
    folder = run_folder / "secured"
    with secured_kafka(folder / "broker", USERS) as kafka, secured_postgres(folder / "database") as (postgres, ca):
        own = f"postgresql://postgres:test-password@127.0.0.1:{postgres.port}"
        tls = f"sslmode=verify-full&sslrootcert={ca}"
        await create_database(f"{own}/postgres?{tls}")
        dsn = f"{own}/paidan?{tls}"
        packs = folder / "cities"
        packs.mkdir()
        (packs / "tiny").symlink_to(TINY)
        operator = {
            **kafka.variables(ADMIN),
            "PAIDAN_DATABASE": dsn,
            "PAIDAN_HOME": str(folder / "home"),
            "PAIDAN_CITIES": str(packs),
            "PAIDAN_CLOCK": "real",
        }
        prepared = run_command(operator, "prepare", "--handover", str(folder / "handover"))
        assert "Kafka's ACLs are set." in prepared
        printed = run_command(operator, "topics", "acls")
        assert "--allow-principal 'User:streets' --operation Write --topic paidan.answers.streets" in printed
        async with open_connection(dsn) as connection:
            token, _ = await create_key(connection, name="hotline", city="tiny", scopes=("source:hotline",))
        async with running_services(kafka, folder) as ports:
            yield SecuredInstallation(kafka, dsn, folder / "home", ports, token)


async def read_first(cluster: KafkaCluster, topic: str, *, group: str) -> bytes:
    """Return a topic's first record for a consumer group that has read none."""
    consumer = AIOKafkaConsumer(topic, group_id=group, auto_offset_reset="earliest", **cluster.client_options())
    try:
        async with asyncio.timeout(WAIT_S):
            await consumer.start()
            record: bytes = (await consumer.getone()).value
            return record
    finally:
        await consumer.stop()


async def test_a_case_goes_its_way_over_secured_servers(installation: SecuredInstallation) -> None:
    ticket = build_ticket(text="垃圾堆了三天", reporter={"name": "王敏", "phone": "13812345678"})
    async with installation.client("intake", installation.source_token) as client:
        taken = await client.post("/v1/tickets", json=ticket)
    assert taken.status_code == 202, taken.text

    options = installation.cluster("streets").client_options()
    async with asyncio.timeout(WAIT_S), DepartmentClient("streets", "", options=options) as department:
        issued = await anext(department.messages())
        assert isinstance(issued, OrderIssued)
        action_id = await department.answer(issued.order, Accept())

    async with installation.client("dispatch") as client:
        action = f"/v1/actions/{action_id}"

        async def is_applied() -> bool:
            return bool((await client.get(action)).json().get("result") == "applied")

        await poll(is_applied, within_s=30, what="the answer is applied")
    async with open_connection(installation.dsn) as connection:
        operator = LogReader(installation.cluster(ADMIN))
        report = await check_conservation(Sources(operator, connection, None), timeout_s=30)
    assert report.holds, report


@pytest.mark.parametrize("topic", ["paidan.orders.lamps", "paidan.cases", "paidan.inbox", "paidan.answers.streets"])
async def test_a_department_reads_its_orders_and_nothing_else(installation: SecuredInstallation, topic: str) -> None:
    with pytest.raises(TopicAuthorizationFailedError):
        await read_first(installation.cluster("streets"), topic, group="streets")


@pytest.mark.parametrize(
    ("user", "topic"),
    [
        ("streets", "paidan.answers.lamps"),
        ("streets", "paidan.orders.streets"),
        ("streets", "paidan.inbox"),
        ("streets", "paidan.cases"),
        ("streets", "paidan.alarms"),
        ("camera", "paidan.inbox"),
        ("camera", "paidan.answers.streets"),
        ("paidan-scoring", "paidan.cases"),
        ("paidan-intake", "paidan.answers.streets"),
        ("stranger", "paidan.alarms"),
    ],
)
async def test_a_principal_writes_its_topics_and_nothing_else(
    installation: SecuredInstallation, user: str, topic: str
) -> None:
    options = installation.cluster(user).client_options()
    async with AIOKafkaProducer(acks="all", **options) as producer:
        with pytest.raises(TopicAuthorizationFailedError):
            await producer.send_and_wait(topic, b"{}", partition=0)


async def test_a_source_writes_its_own_topic(installation: SecuredInstallation) -> None:
    options = installation.cluster("camera").client_options()
    async with AIOKafkaProducer(acks="all", **options) as producer:
        await producer.send_and_wait("paidan.alarms.camera", b"{}")


async def test_a_department_cannot_join_a_services_group(installation: SecuredInstallation) -> None:
    """It would take partitions away from dispatch, though it could read none of them."""
    with pytest.raises(GroupAuthorizationFailedError):
        await read_first(installation.cluster("streets"), "paidan.orders.streets", group="dispatch")


@pytest.mark.parametrize(
    "changes",
    [
        {"kafka_password": "wrong"},
        {"kafka_user": "nobody"},
        {"kafka_ca": None},
        {"kafka_tls": False, "kafka_ca": None},
        {"kafka_sasl": "scram-sha-256"},
        {"kafka_sasl": None, "kafka_user": ""},
    ],
    ids=["password", "user", "authority", "no-tls", "mechanism", "no-login"],
)
async def test_a_client_that_does_not_log_in_gets_no_connection(
    installation: SecuredInstallation, changes: dict[str, Any]
) -> None:
    options = installation.cluster("streets", **changes).client_options()
    producer = AIOKafkaProducer(request_timeout_ms=2000, **options)
    with pytest.raises(KafkaConnectionError):
        await producer.start()
    await producer.stop()


async def test_services_connect_to_postgres_over_tls_with_their_own_role(installation: SecuredInstallation) -> None:
    async with open_connection(installation.dsn) as connection:
        rows = await connection.fetch(
            "SELECT DISTINCT usename, ssl FROM pg_stat_activity JOIN pg_stat_ssl USING (pid) WHERE usename IS NOT NULL"
            " AND backend_type = 'client backend'"
        )

    by_role = {row["usename"]: row["ssl"] for row in rows}
    assert by_role.keys() >= {"paidan_intake", "paidan_dispatch", "paidan_scoring", "paidan_cockpit"}
    assert set(by_role.values()) == {True}


async def test_an_edge_with_a_certificate_serves_no_plain_http(installation: SecuredInstallation) -> None:
    async with httpx.AsyncClient() as client:
        with pytest.raises(httpx.HTTPError):
            await client.get(f"http://127.0.0.1:{installation.ports['intake']}/readyz")


def test_each_service_has_its_own_secrets_alone(installation: SecuredInstallation) -> None:
    handover = installation.home.parent / "handover"
    secrets = {
        service.name: {file.name: file.read_text() for file in (handover / service.name).iterdir()}
        for service in SERVICES
    }

    assert secrets["intake"].keys() == {"database", "vault_key", "link_key"}
    assert secrets["dispatch"].keys() == secrets["scoring"].keys() == {"database", "vault_key"}
    assert secrets["cockpit"].keys() == {"database", "vault_key", "token_key"}
    values = [value for own in secrets.values() for value in own.values()]
    assert len(set(values)) == len(values), "no secret is in two folders"
    assert not any("test-password" in value for value in values), "the owner's password is in none"
    assert {file.stat().st_mode & 0o777 for file in handover.glob("*/*")} == {0o600}
