"""What a service's role may do: own nothing, and add to the history and the logs of looks, but never change them."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from paidan_chassis.consumer.rebuild_queries import ComputedTables
from paidan_cockpit import rebuild as cockpit_rebuild
from paidan_deploy.conservation.anchor import Head
from paidan_deploy.conservation.chained_logs import ChainedLogs, read_chained_logs
from paidan_deploy.credentials import Credentials
from paidan_deploy.provisioning.database import prepare_database
from paidan_deploy.servers.postgres import PostgresServer
from paidan_deploy.services import SERVICES
from paidan_scoring import rebuild as scoring_rebuild
from tests import servers as real

READINGS = "intake.vault_reading"
ADD_READING = (
    "INSERT INTO intake.vault_reading (report_id, api_key, reader, reason)"
    " VALUES (gen_random_uuid(), 'key_1', 'caller', '回访')"
)
ADD_STEP = "INSERT INTO dispatch.history VALUES ('tiny-' || $1, 1, 'bytes', decode(repeat('00', 32), 'hex'))"
NOT_OWNED_BY_OWNERS = """
    SELECT relname AS name FROM pg_class
     WHERE relnamespace::regnamespace::text = ANY($1) AND relowner::regrole::text <> ALL($2)
     UNION ALL
    SELECT proname FROM pg_proc
     WHERE pronamespace::regnamespace::text = ANY($1) AND proowner::regrole::text <> ALL($2)
     UNION ALL
    SELECT nspname FROM pg_namespace WHERE nspname = ANY($1) AND nspowner::regrole::text <> ALL($2)
"""


def empty_tables(schema: str, tables: ComputedTables) -> str:
    """Return what a rebuild of a service begins with."""
    names = ", ".join(f"{schema}.{table}" for table in (*tables.names, "rebuild"))
    return f"LOCK TABLE {schema}.lane IN EXCLUSIVE MODE; TRUNCATE {names}"


@pytest.fixture(scope="module")
async def dsn(servers: real.ServerAddresses, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[str]:
    async with real.fresh_database(servers) as dsn:
        await prepare_database(dsn, Credentials(tmp_path_factory.mktemp("secrets")))
        yield dsn


async def connect(dsn: str, role: str) -> "asyncpg.Connection[Any]":
    return await asyncpg.connect(dsn.replace("postgres@", f"{role}@"), timeout=10)


async def test_everything_belongs_to_roles_that_cannot_log_in(dsn: str) -> None:
    owners = [f"paidan_{service.name}_owner" for service in SERVICES]
    conn = await asyncpg.connect(dsn)
    try:
        assert await conn.fetch(NOT_OWNED_BY_OWNERS, [service.name for service in SERVICES], owners) == []
        logins = await conn.fetch("SELECT rolname FROM pg_roles WHERE rolname = ANY($1) AND rolcanlogin", owners)
        assert logins == []
    finally:
        await conn.close()
    with pytest.raises(asyncpg.InvalidAuthorizationSpecificationError, match="not permitted to log in"):
        await connect(dsn, owners[0])


async def test_preparing_again_changes_nothing_also_at_once(dsn: str, tmp_path: Path) -> None:
    await asyncio.gather(*[prepare_database(dsn, Credentials(tmp_path)) for _ in range(3)])


@pytest.mark.parametrize(
    ("role", "statement"),
    [
        ("paidan_dispatch", ADD_STEP.replace("$1", "repeat('1', 32)")),
        ("paidan_dispatch", "SELECT count(*) FROM dispatch.history"),
        ("paidan_intake", ADD_READING),
        ("paidan_scoring", empty_tables("scoring", scoring_rebuild.TABLES)),
        ("paidan_cockpit", empty_tables("cockpit", cockpit_rebuild.TABLES)),
        ("paidan_cockpit", "SELECT cockpit.drop_read_indexes(), cockpit.create_read_indexes()"),
        *((f"paidan_{each.name}", f"SELECT count(*) FROM {each.name}.migration") for each in SERVICES),
        *((f"paidan_{each.name}", "SELECT count(*) FROM cities.pack") for each in SERVICES),
    ],
)
async def test_a_service_may_do_what_it_needs(dsn: str, role: str, statement: str) -> None:
    conn = await connect(dsn, role)
    try:
        await conn.execute(statement)
    finally:
        await conn.close()


def forbidden_statements(service: str, table: str) -> list[str]:
    return [
        f"UPDATE {service}.{table} SET chain = chain",
        f"DELETE FROM {service}.{table}",
        f"TRUNCATE {service}.{table}",
        f"ALTER TABLE {service}.{table} DISABLE TRIGGER ALL",
        f"ALTER TABLE {service}.{table} ADD COLUMN mine text",
        f"DROP TABLE {service}.{table}",
        f"GRANT UPDATE ON {service}.{table} TO paidan_{service}; UPDATE {service}.{table} SET chain = chain",
    ]


FORBIDDEN = [
    *(("dispatch", each) for each in forbidden_statements("dispatch", "history")),
    *(("intake", each) for each in forbidden_statements("intake", "vault_reading")),
    *((service.name, each) for service in SERVICES for each in forbidden_statements(service.name, "access_log")),
    *(
        (service.name, statement)
        for service in SERVICES
        for statement in (
            f"CREATE TABLE {service.name}.mine (id integer)",
            f"CREATE OR REPLACE FUNCTION {service.name}.log_only_grows() RETURNS trigger LANGUAGE sql AS ''",
            f"DELETE FROM {service.name}.migration",
            f"SET ROLE paidan_{service.name}_owner",
            "SET session_replication_role = replica",
            "UPDATE cities.pack SET city = city",
            *(f"SELECT count(*) FROM {other.name}.lane" for other in SERVICES if other is not service),
        )
    ),
    ("dispatch", "DELETE FROM dispatch.outcome"),
    ("dispatch", "TRUNCATE dispatch.case_now"),
]


@pytest.mark.parametrize("service", [each.name for each in SERVICES])
async def test_a_service_may_not_change_what_must_stay(dsn: str, service: str) -> None:
    conn = await connect(dsn, f"paidan_{service}")
    allowed = []
    try:
        for statement in [each for name, each in FORBIDDEN if name == service]:
            try:
                await conn.execute(statement)
            except asyncpg.InsufficientPrivilegeError:
                continue
            allowed.append(statement)
    finally:
        await conn.close()

    assert allowed == []


async def test_an_owner_who_is_no_superuser_takes_over_an_installation_of_0_1(
    start_postgres: Callable[..., PostgresServer], tmp_path: Path
) -> None:
    """There each service's role owned its tables; a managed server grants nobody more than CREATEROLE."""
    server = start_postgres()
    superuser = await asyncpg.connect(server.dsn)
    await superuser.execute("CREATE ROLE boss LOGIN CREATEROLE")
    await superuser.execute("CREATE DATABASE mine OWNER boss")
    await superuser.close()
    mine = server.dsn.removesuffix("postgres") + "mine"
    as_boss = mine.replace("postgres@", "boss@")
    await prepare_database(as_boss, Credentials(tmp_path))
    superuser = await asyncpg.connect(mine)
    for service in SERVICES:
        await superuser.execute(f"ALTER SCHEMA {service.name} OWNER TO {service.role}")
        await superuser.execute(f"REASSIGN OWNED BY {service.role}_owner TO {service.role}")
    await superuser.close()

    await prepare_database(as_boss, Credentials(tmp_path))

    conn = await asyncpg.connect(as_boss)
    owners = [f"{service.role}_owner" for service in SERVICES]
    assert await conn.fetch(NOT_OWNED_BY_OWNERS, [service.name for service in SERVICES], owners) == []
    await conn.close()


async def chained(conn: "asyncpg.Connection[Any]", anchored: Mapping[str, Head]) -> ChainedLogs:
    async with conn.transaction():
        return await read_chained_logs(conn, [READINGS], anchored)


async def test_looks_that_are_changed_or_removed_by_force_are_found(dsn: str) -> None:
    """Whoever is superuser can switch triggers off; the chain and the anchor remain."""
    looks = await asyncio.gather(*[connect(dsn, "paidan_intake") for _ in range(4)])
    for _ in range(3):
        await asyncio.gather(*[each.execute(ADD_READING) for each in looks])
    await asyncio.gather(*[each.close() for each in looks])
    conn = await asyncpg.connect(dsn)
    try:
        await conn.execute("SET session_replication_role = replica")
        whole = await chained(conn, {})
        assert (whole.broken, whole.heads[READINGS].size >= 12) == ([], True)
        size = whole.heads[READINGS].size
        found: list[list[str]] = []
        for damage in (
            f"UPDATE {READINGS} SET reason = '查案' WHERE chain_number = 5",
            f"UPDATE {READINGS} SET reader = 'nobody', chain = chain WHERE chain_number = 5",
            f"DELETE FROM {READINGS} WHERE chain_number = 4",
            f"DELETE FROM {READINGS} WHERE chain_number = {size}",
        ):
            transaction = conn.transaction()
            await transaction.start()
            await conn.execute(damage)
            damaged = await chained(conn, whole.heads)
            found.append(damaged.broken + damaged.contradicted)
            await transaction.rollback()
        assert found == [[f"{READINGS} 5"], [f"{READINGS} 5"], [f"{READINGS} 5"], [READINGS]]
    finally:
        await conn.close()
