"""Who owns the tables of a service, and what its own role may do with each: what it needs, and no more."""

from collections.abc import Mapping
from typing import Final

from paidan_chassis.database import Connection
from paidan_deploy.services import Service

DEFAULT_PRIVILEGES: Final = ("SELECT", "INSERT", "UPDATE", "DELETE")
APPEND_ONLY: Final = ("SELECT", "INSERT")
EXCEPTIONS: Final[Mapping[str, Mapping[str, tuple[str, ...]]]] = {
    "intake": {"vault_reading": APPEND_ONLY},
    "dispatch": {
        "history": APPEND_ONLY,
        "outcome": ("SELECT", "INSERT", "UPDATE"),
    },
    "scoring": dict.fromkeys(("fact", "tally", "mark", "rebuild"), (*DEFAULT_PRIVILEGES, "TRUNCATE")),
    "cockpit": {
        **dict.fromkeys(
            (
                *("case_row", "report_row", "word_queue", "case_words", "conservation_check", "rebuild"),
                *("suppressed_alarm", "suppressed_tally", "noted_report", "city_score"),
            ),
            (*DEFAULT_PRIVILEGES, "TRUNCATE"),
        ),
        "person": ("SELECT",),
        "sign_in_link": ("SELECT", "UPDATE"),
        "sign_in": APPEND_ONLY,
        "person_identity": APPEND_ONLY,
    },
}
"""What differs, by schema and table: what must never be rewritten, and what is emptied to be computed anew."""
EVERYWHERE: Final[Mapping[str, tuple[str, ...]]] = {"access_log": APPEND_ONLY, "migration": ("SELECT",)}

SELECT_TABLES: Final = """
    SELECT relname
      FROM pg_class
     WHERE relnamespace = $1::regnamespace
       AND relkind IN ('r', 'p')
     ORDER BY relname
"""
SELECT_SCHEMA_OWNER: Final = """
    SELECT nspowner::regrole::text
      FROM pg_namespace
     WHERE nspname = $1
"""


def owner_of(service: Service) -> str:
    """Return the role that owns a service's tables. It cannot log in: only what prepares the database acts as it."""
    return f"{service.role}_owner"


def privileges_on(schema: str, table: str) -> tuple[str, ...]:
    """Return what the service's own role may do with a table."""
    return EXCEPTIONS.get(schema, {}).get(table) or EVERYWHERE.get(table, DEFAULT_PRIVILEGES)


async def ensure_schema(connection: Connection, service: Service) -> None:
    """Create a service's schema, or take it over from its own role, which owned it all in 0.1."""
    schema, owner = service.name, owner_of(service)
    await connection.execute(f"CREATE SCHEMA IF NOT EXISTS {schema} AUTHORIZATION {owner}")
    async with connection.transaction():
        await _lock(connection, schema)
        if await connection.fetchval(SELECT_SCHEMA_OWNER, schema) != owner:
            await connection.execute(f"ALTER SCHEMA {schema} OWNER TO {owner}")
            await connection.execute(f"REASSIGN OWNED BY {service.role} TO {owner}")


async def grant_privileges(connection: Connection, service: Service) -> None:
    """Grant a service's own role what it needs on each table, and revoke everything else, in one transaction."""
    schema, role = service.name, service.role
    async with connection.transaction():
        await _lock(connection, schema)
        await connection.execute(f"REVOKE ALL ON SCHEMA {schema} FROM {role}; GRANT USAGE ON SCHEMA {schema} TO {role}")
        for row in await connection.fetch(SELECT_TABLES, schema):
            table = f"{schema}.{row['relname']}"
            granted = ", ".join(privileges_on(schema, row["relname"]))
            await connection.execute(f"REVOKE ALL ON {table} FROM {role}; GRANT {granted} ON {table} TO {role}")


async def _lock(connection: Connection, schema: str) -> None:
    # Two runs at once would update the same rows of the catalogue.
    await connection.execute("SELECT pg_advisory_xact_lock(hashtextextended($1, 0))", f"paidan privileges of {schema}")
