"""Whether the SQL of an older release still works on today's tables, without running it."""

import re
from collections.abc import Mapping
from typing import Final, TypeAlias

import asyncpg

from paidan_chassis.database import Connection
from paidan_deploy.services import SERVICES, Service

Statements: TypeAlias = Mapping[str, Mapping[str, str]]
"""By schema and name."""

INSERT: Final = re.compile(r"INSERT INTO (\w+)(?: AS \w+)?\s*\(([^)]*)\)")
SELECT_MANDATORY_COLUMNS: Final = """
    SELECT table_name, column_name
      FROM information_schema.columns
     WHERE table_schema = $1
       AND is_nullable = 'NO'
       AND column_default IS NULL
       AND is_identity = 'NO'
       AND is_generated = 'NEVER'
     ORDER BY table_name, column_name
"""


def recorded_services(statements: Statements) -> list[Service]:
    """Return the services that the older release had."""
    return [service for service in SERVICES if service.name in statements]


async def find_refused(conn: Connection, statements: Statements) -> Mapping[str, Mapping[str, str]]:
    """Return the statements that the database refuses to their service, with its reason, by schema and name.

    Each is planned, so its tables, columns, types, unique keys and the rights of the service's role are looked up.
    """
    refused = {}
    for service in recorded_services(statements):
        async with conn.transaction():
            await conn.execute(f"SET LOCAL search_path = {service.name}; SET LOCAL ROLE {service.role}")
            await conn.execute("SET LOCAL plan_cache_mode = force_generic_plan")
            found = {name: await _plan(conn, sql) for name, sql in statements[service.name].items()}
        if reasons := {name: reason for name, reason in found.items() if reason}:
            refused[service.name] = reasons
    return refused


async def _plan(conn: Connection, sql: str) -> str:
    """Return why a statement cannot be planned; empty where it can."""
    parameters = max((int(each) for each in re.findall(r"\$(\d+)", sql)), default=0)
    arguments = f"({', '.join(['NULL'] * parameters)})" if parameters else ""
    try:
        async with conn.transaction():
            await conn.execute(f"PREPARE old_statement AS {sql}")
            await conn.execute(f"EXPLAIN EXECUTE old_statement{arguments}")
            await conn.execute("DEALLOCATE old_statement")
    except asyncpg.PostgresError as error:
        if await conn.fetchval("SELECT true FROM pg_prepared_statements WHERE name = 'old_statement'"):
            await conn.execute("DEALLOCATE old_statement")  # which outlives the savepoint
        return str(error)
    return ""


async def list_omitted_columns(conn: Connection, statements: Statements) -> list[str]:
    """Return the columns that must have a value, have no default, and get none from an INSERT."""
    omitted = []
    for service in recorded_services(statements):
        rows = await conn.fetch(SELECT_MANDATORY_COLUMNS, service.name)
        for sql in statements[service.name].values():
            for table, columns in INSERT.findall(sql):
                named = {each.strip() for each in columns.split(",")}
                omitted += [
                    f"{service.name}.{table}.{row['column_name']}"
                    for row in rows
                    if row["table_name"] == table and row["column_name"] not in named
                ]
    return omitted
