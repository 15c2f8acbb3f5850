"""Migrates a schema: forward only, each file once, safe from several processes at once."""

import hashlib
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.resources import files
from operator import attrgetter
from typing import Final, Literal

from paidan_chassis.database import Connection
from paidan_chassis.errors import ChassisError

Phase = Literal["pre", "post"]

_FILE_NAME: Final = re.compile(r"(\d{4})_(pre|post)_[a-z0-9_]+\.sql")
_SCHEMA: Final = re.compile(r"[a-z_][a-z0-9_]{0,62}")
_MIGRATION_LOCK_TIMEOUT_S: Final = 120
_TABLE_LOCK_TIMEOUT_S: Final = 10


class MigrationConflict(ChassisError):
    """The migration files and the schema's history contradict each other."""


@dataclass(frozen=True, slots=True)
class Migration:
    """A migration file, applied before (pre) or after (post) the release that needs it starts."""

    package: str
    name: str
    statements: str

    @property
    def key(self) -> tuple[str, str]:
        """Return the identity of the migration within a schema."""
        return self.package, self.name

    @property
    def checksum(self) -> str:
        """Return a hash of its statements; line ends do not count."""
        return hashlib.sha256(self.statements.replace("\r\n", "\n").encode()).hexdigest()

    @property
    def phase(self) -> str:
        """Return ``pre`` or ``post``."""
        return self.name.split("_")[1]


async def migrate(
    conn: Connection, schema: str, packages: Sequence[str], *, phases: Sequence[Phase] = ("pre", "post")
) -> list[Migration]:
    """Apply each package's unapplied ``NNNN_pre_x.sql`` and ``NNNN_post_x.sql``, and return them.

    Packages are import paths, applied in the order given. Statements name no schema: objects are created in this one
    and are owned by the connection's role (``SET ROLE`` before, to change that). Each file is one transaction.
    Raises MigrationConflict, before anything is changed, when an applied file was changed or removed, or a new one has
    a lower number.
    """
    available = load_migrations(packages)
    applied: list[Migration] = []
    while True:
        async with conn.transaction():
            await _lock(conn, schema)
            unapplied = [
                each
                for each in find_unapplied(available, await _applied_checksums(conn, schema))
                if each.phase in phases
            ]
            if not unapplied:
                return applied
            await _apply(conn, schema, unapplied[0])
            applied.append(unapplied[0])


async def list_pending(conn: Connection, schema: str, packages: Sequence[str]) -> list[Migration]:
    """Return what ``migrate`` would apply, changing nothing."""
    return find_unapplied(load_migrations(packages), await _applied_checksums(conn, schema))


def load_migrations(packages: Sequence[str]) -> list[Migration]:
    """Return every package's migrations, in the order in which they are applied."""
    migrations: list[Migration] = []
    for package in packages:
        sql_files = sorted(
            (each for each in files(package).iterdir() if each.name.endswith(".sql")), key=attrgetter("name")
        )
        misnamed = [each.name for each in sql_files if not _FILE_NAME.fullmatch(each.name)]
        if misnamed:
            raise MigrationConflict(f"{package}: {misnamed[0]} is not named NNNN_pre_x.sql or NNNN_post_x.sql")
        migrations += [Migration(package, each.name, each.read_text(encoding="utf-8")) for each in sql_files]
    numbers = Counter((each.package, each.name[:4]) for each in migrations)
    duplicates = [
        f"{package}: two migrations are numbered {number}" for (package, number), count in numbers.items() if count > 1
    ]
    if duplicates:
        raise MigrationConflict(duplicates[0])
    return migrations


def find_unapplied(available: Sequence[Migration], applied: Mapping[tuple[str, str], str]) -> list[Migration]:
    """Return the unapplied migrations; raise MigrationConflict when history and files contradict each other."""
    files_by_key = {each.key: each for each in available}
    packages = {each.package for each in available}
    for key, checksum in applied.items():
        if key not in files_by_key and key[0] in packages:
            raise MigrationConflict(f"{key[0]}: {key[1]} was applied and has been removed")
        if key in files_by_key and files_by_key[key].checksum != checksum:
            raise MigrationConflict(f"{key[0]}: {key[1]} was changed after it was applied")
    unapplied = [each for each in available if each.key not in applied]
    for each in unapplied:
        later = [
            key for key in applied if key[0] == each.package and f"_{each.phase}_" in key[1] and key[1] > each.name
        ]
        if later:
            raise MigrationConflict(f"{each.package}: {each.name} is new, but {min(later)[1]} is already applied")
    return unapplied


async def _lock(conn: Connection, schema: str) -> None:
    # Held until this transaction ends. The process that holds it migrates too: wait for it.
    await conn.execute(f"SET LOCAL lock_timeout = '{_MIGRATION_LOCK_TIMEOUT_S}s'")
    await conn.execute("SELECT pg_advisory_xact_lock(hashtextextended($1, 0))", f"paidan migrations of {schema}")


async def _applied_checksums(conn: Connection, schema: str) -> dict[tuple[str, str], str]:
    if not _SCHEMA.fullmatch(schema):
        raise MigrationConflict(f"{schema!r} is not a valid schema name")
    if await conn.fetchval("SELECT to_regclass($1)", f"{schema}.migration") is None:
        return {}
    rows = await conn.fetch(f"SELECT package, name, checksum FROM {schema}.migration")
    return {(row["package"], row["name"]): row["checksum"] for row in rows}


async def _apply(conn: Connection, schema: str, migration: Migration) -> None:
    # CREATE SCHEMA IF NOT EXISTS needs the privilege to create even if the schema exists.
    if await conn.fetchval("SELECT to_regnamespace($1)", schema) is None:
        await conn.execute(f"CREATE SCHEMA {schema}")
    # Other sessions queue behind us while we wait for a lock that an old release holds.
    await conn.execute(f"SET LOCAL search_path = {schema}; SET LOCAL lock_timeout = '{_TABLE_LOCK_TIMEOUT_S}s'")
    await conn.execute(_CREATE_MIGRATION_TABLE)
    await conn.execute(migration.statements)
    await conn.execute(
        f"INSERT INTO {schema}.migration (package, name, checksum) VALUES ($1, $2, $3)",
        migration.package,
        migration.name,
        migration.checksum,
    )


_CREATE_MIGRATION_TABLE: Final = """
    CREATE TABLE IF NOT EXISTS migration (
        package    text NOT NULL,
        name       text NOT NULL,
        checksum   text NOT NULL,
        applied_at timestamptz NOT NULL DEFAULT clock_timestamp(),
        PRIMARY KEY (package, name)
    )
"""
