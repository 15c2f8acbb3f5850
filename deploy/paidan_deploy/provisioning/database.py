"""Creates what services need before they start: database, roles, schemas, tables, the administrator's key."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Final

import asyncpg
from tenacity import retry, retry_if_exception_type, stop_after_attempt, wait_incrementing

from paidan_chassis import migrations
from paidan_chassis.clock import read_scale, real_now, set_scale
from paidan_chassis.database import Connection
from paidan_deploy.credentials import Credentials
from paidan_deploy.errors import DeployError
from paidan_deploy.provisioning.api_keys import DEFAULT_VALIDITY, store_key
from paidan_deploy.provisioning.connection import open_connection
from paidan_deploy.provisioning.privileges import ensure_schema, grant_privileges, owner_of
from paidan_deploy.provisioning.release import older_release_decides
from paidan_deploy.servers.dsn import DATABASE_NAME
from paidan_deploy.services import DISPATCH, SERVICES, Service

CITIES_SCHEMA: Final = "cities"
# The evening before a Monday in the demo city's calendar: no calendar covers whatever year this runs in, and however
# slowly a machine starts, the first day that is played is that Monday.
INITIAL_CITY_TIME: Final = datetime(2026, 3, 1, 14, 0, tzinfo=UTC)
ROLE_ATTEMPTS: Final = 5
ROLE_CONFLICTS: Final = (asyncpg.InternalServerError, asyncpg.UniqueViolationError, asyncpg.DuplicateObjectError)


class UnsupportedPostgresError(DeployError):
    """The PostgreSQL server is older than any this was tested with."""


async def create_database(maintenance_dsn: str, name: str = DATABASE_NAME) -> None:
    """Create the database unless it exists."""
    async with open_connection(maintenance_dsn) as connection:
        if not await connection.fetchval("SELECT true FROM pg_database WHERE datname = $1", name):
            await connection.execute(f"CREATE DATABASE \"{name}\" ENCODING 'UTF8' TEMPLATE template0")


async def prepare_database(dsn: str, credentials: Credentials) -> None:
    """Bring roles, schemas and tables up to date. Idempotent, and safe to run concurrently."""
    async with open_connection(dsn) as connection:
        if connection.get_server_version() < (15, 0):
            raise UnsupportedPostgresError(
                f"PostgreSQL {connection.get_server_version()} is too old: 15 or later is needed"
                f" / PostgreSQL {connection.get_server_version()} 版本过旧：须为 15 或更高"
            )
        # Until the connection closes: two that grant on the same tables or roles at once would fail.
        await connection.execute("SELECT pg_advisory_lock(hashtextextended('paidan prepare', 0))")
        for service in SERVICES:
            await _ensure_role(connection, service, credentials)
            await _migrate_service_schema(connection, service)
        await _prepare_cities_schema(connection)
        await _renew_admin_key(connection, credentials)


async def _renew_admin_key(connection: Connection, credentials: Credentials) -> None:
    """Store the administrator's key: a token that nobody renews so, as in an old backup, ends by itself."""
    key = replace(credentials.admin_key, expires_at=real_now() + DEFAULT_VALIDITY, granted_by="provisioning")
    await store_key(connection, key, kind="key_renewed")


async def _ensure_role(connection: Connection, service: Service, credentials: Credentials) -> None:
    # We generated the password, of URL-safe characters; a utility statement takes no parameters.
    password = credentials.password(service.role).replace("'", "")
    await _create_or_alter_role(connection, service.role, f"LOGIN PASSWORD '{password}'")
    await _create_or_alter_role(connection, owner_of(service), "NOLOGIN PASSWORD NULL")


# Roles belong to the whole server: provisioning two of its databases at once may update the same row.
@retry(
    retry=retry_if_exception_type(ROLE_CONFLICTS),
    wait=wait_incrementing(start=0.1, increment=0.1),
    stop=stop_after_attempt(ROLE_ATTEMPTS),
    reraise=True,
)
async def _create_or_alter_role(connection: Connection, role: str, options: str) -> None:
    exists = await connection.fetchval("SELECT true FROM pg_roles WHERE rolname = $1", role)
    verb = "ALTER" if exists else "CREATE"
    await connection.execute(f"{verb} ROLE {role} {options}")
    await connection.execute(f"GRANT {role} TO CURRENT_USER")


async def _migrate_service_schema(connection: Connection, service: Service) -> None:
    """Migrate a service's schema as the role that owns everything in it; its own role is granted what it needs.

    What only an older release of dispatch needs is dropped when that has nothing left to decide.
    """
    packages = [migrations.CHASSIS_MIGRATIONS, f"{service.package}.migrations"]
    await ensure_schema(connection, service)
    await connection.execute(f"SET ROLE {owner_of(service)}")
    try:
        await migrations.migrate(connection, service.name, packages, phases=("pre",))
        if service is not DISPATCH or not await older_release_decides(connection):
            await migrations.migrate(connection, service.name, packages, phases=("post",))
        await grant_privileges(connection, service)
    finally:
        await connection.execute("RESET ROLE")


async def _prepare_cities_schema(connection: Connection) -> None:
    """Migrate the one schema that every service reads, and start the city's clock at real speed."""
    await migrations.migrate(connection, CITIES_SCHEMA, [migrations.CITIES_MIGRATIONS])
    roles = ", ".join(service.role for service in SERVICES)
    await connection.execute(f"GRANT USAGE ON SCHEMA {CITIES_SCHEMA} TO {roles}")
    await connection.execute(f"GRANT SELECT ON ALL TABLES IN SCHEMA {CITIES_SCHEMA} TO {roles}")
    await connection.execute(f"ALTER DEFAULT PRIVILEGES IN SCHEMA {CITIES_SCHEMA} GRANT SELECT ON TABLES TO {roles}")
    if await read_scale(connection) is None:
        await set_scale(
            connection, city_time=INITIAL_CITY_TIME, factor=1.0, fast_until=INITIAL_CITY_TIME + timedelta(seconds=1)
        )
