"""Makes what services find when they start: database, roles, schemas, tables, topics, the operator's key."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any, Final, TypeAlias

import asyncpg

from paidan_chassis import migrations
from paidan_chassis.clock import read_scale, set_scale
from paidan_chassis.edge.api_keys import add_key
from paidan_chassis.kafka.cluster import Kafka, TopicShape
from paidan_chassis.kafka.topic_admin import Topology
from paidan_contracts.topics import ANSWERS_PREFIX, ORDERS_PREFIX, TOPICS, answers_of, orders_of
from paidan_deploy.errors import DeployError
from paidan_deploy.stack.credentials import Credentials
from paidan_deploy.stack.servers import DATABASE
from paidan_deploy.stack.services import SERVICES, Service

Connection: TypeAlias = "asyncpg.Connection[Any]"
CITIES: Final = "cities"
# Just before a Monday that the demo city's calendar knows: no calendar reaches into whatever year this runs in.
CITY_BEGINS: Final = datetime(2026, 3, 1, 15, 59, 30, tzinfo=UTC)
# Roles belong to the whole server: provisioning two databases of it at once may touch the same row.
ATTEMPTS: Final = 5


class TooOldError(DeployError):
    """The PostgreSQL given is older than any that this was tested with."""


async def make_database(maintenance_dsn: str, name: str = DATABASE) -> None:
    """Create the database unless it exists."""
    connection = await asyncpg.connect(maintenance_dsn, timeout=10)
    try:
        if not await connection.fetchval("SELECT true FROM pg_database WHERE datname = $1", name):
            await connection.execute(f"CREATE DATABASE \"{name}\" ENCODING 'UTF8' TEMPLATE template0")
    finally:
        await connection.close()


async def prepare_database(dsn: str, credentials: Credentials) -> None:
    """Bring roles, schemas and tables up to date. May be run again at any time, and by several at once."""
    connection = await asyncpg.connect(dsn, timeout=10)
    try:
        if connection.get_server_version() < (15, 0):
            raise TooOldError(f"PostgreSQL {connection.get_server_version()} is too old: 15 or later is needed")
        for service in SERVICES:
            await _make_role(connection, service, credentials)
            await _prepare_schema(connection, service)
        await _prepare_cities(connection)
        for service in SERVICES:
            await add_key(connection, service.name, credentials.admin_key)
    finally:
        await connection.close()


async def _make_role(connection: Connection, service: Service, credentials: Credentials) -> None:
    # The password is ours, of URL characters alone; a statement like this takes no parameters.
    password = credentials.password(service.role).replace("'", "")
    await _again(lambda: _create_role(connection, service.role, password))


async def _create_role(connection: Connection, role: str, password: str) -> None:
    known = await connection.fetchval("SELECT true FROM pg_roles WHERE rolname = $1", role)
    verb = "ALTER" if known else "CREATE"
    await connection.execute(f"{verb} ROLE {role} LOGIN PASSWORD '{password}'")
    await connection.execute(f"GRANT {role} TO CURRENT_USER")


async def _again(work: Callable[[], Awaitable[None]]) -> None:
    for attempt in range(1, ATTEMPTS + 1):
        try:
            await work()
        except (asyncpg.InternalServerError, asyncpg.UniqueViolationError, asyncpg.DuplicateObjectError):
            if attempt == ATTEMPTS:
                raise
            await asyncio.sleep(0.1 * attempt)
        else:
            return


async def _prepare_schema(connection: Connection, service: Service) -> None:
    """Let the service's own role own its schema and all in it; nobody else is granted anything."""
    await connection.execute(f"CREATE SCHEMA IF NOT EXISTS {service.name} AUTHORIZATION {service.role}")
    await connection.execute(f"SET ROLE {service.role}")
    try:
        await migrations.migrate(connection, service.name, [migrations.OWN, f"{service.package}.migrations"])
    finally:
        await connection.execute("RESET ROLE")


async def _prepare_cities(connection: Connection) -> None:
    """Make the one schema that every service reads, and let the city's clock run at real speed until told otherwise."""
    await migrations.migrate(connection, CITIES, [migrations.CITIES])
    roles = ", ".join(service.role for service in SERVICES)
    await connection.execute(f"GRANT USAGE ON SCHEMA {CITIES} TO {roles}")
    await connection.execute(f"GRANT SELECT ON ALL TABLES IN SCHEMA {CITIES} TO {roles}")
    await connection.execute(f"ALTER DEFAULT PRIVILEGES IN SCHEMA {CITIES} GRANT SELECT ON TABLES TO {roles}")
    if await read_scale(connection) is None:
        await set_scale(connection, starts=CITY_BEGINS, factor=1.0, fast_until=CITY_BEGINS + timedelta(seconds=1))


async def make_topics(bootstrap: str, prefix: str) -> None:
    """Create every topic of the contracts that does not exist yet."""
    async with Topology(Kafka(bootstrap, prefix, shape=shape), client_id="paidan") as topology:
        await topology.ensure(topic.name for topic in TOPICS)


def shape(name: str) -> TopicShape:
    """Tell how the contracts want a topic made, departments' own topics included."""
    for topic in TOPICS:
        if topic.name == name:
            return TopicShape(topic.partitions, topic.config())
    if name.startswith(ORDERS_PREFIX):
        orders = orders_of(name.removeprefix(ORDERS_PREFIX))
        return TopicShape(orders.partitions, orders.config())
    if name.startswith(ANSWERS_PREFIX):
        answers = answers_of(name.removeprefix(ANSWERS_PREFIX))
        return TopicShape(answers.partitions, answers.config())
    raise DeployError(f"no topic is called {name}")
