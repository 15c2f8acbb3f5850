"""Migrations are applied once, by one of several processes, and never when files and history contradict each other."""

import asyncio
import uuid
from collections.abc import AsyncIterator, Callable, Mapping
from pathlib import Path

import asyncpg
import pytest

from paidan_chassis import migrations
from paidan_chassis.migrations import MigrationConflict

WriteMigrations = Callable[[Mapping[str, str]], str]


@pytest.fixture
def write_migrations(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> WriteMigrations:
    """Return a function that writes migration files into an importable package, replacing earlier ones."""
    package = f"shipped_{uuid.uuid4().hex[:8]}"
    folder = tmp_path / package
    folder.mkdir()
    (folder / "__init__.py").touch()
    monkeypatch.syspath_prepend(str(tmp_path))

    def put(contents: Mapping[str, str]) -> str:
        for old in folder.glob("*.sql"):
            old.unlink()
        for name, statements in contents.items():
            (folder / name).write_text(statements)
        return package

    return put


@pytest.fixture
async def conn(database: str) -> AsyncIterator[asyncpg.Connection]:
    """Open a connection to an empty database."""
    connection = await asyncpg.connect(database)
    yield connection
    await connection.close()


FIRST = {"0001_pre_loan.sql": "CREATE TABLE loan (book text PRIMARY KEY)"}
SECOND = {"0002_pre_due.sql": "ALTER TABLE loan ADD COLUMN due date"}


async def columns(conn: asyncpg.Connection, schema: str) -> list[str]:
    """Return the columns of the table that the tests create."""
    rows = await conn.fetch(
        "SELECT column_name FROM information_schema.columns WHERE table_schema = $1 AND table_name = 'loan' ORDER BY 1",
        schema,
    )
    return [row["column_name"] for row in rows]


async def test_missing_migrations_are_applied_once(conn: asyncpg.Connection, write_migrations: WriteMigrations) -> None:
    await migrations.migrate(conn, "library", [write_migrations(FIRST)])

    done = await migrations.migrate(conn, "library", [write_migrations(FIRST | SECOND)])
    again = await migrations.migrate(conn, "library", [write_migrations(FIRST | SECOND)])

    assert [each.name for each in done] == ["0002_pre_due.sql"]
    assert again == []
    assert await columns(conn, "library") == ["book", "due"]


async def test_one_package_can_serve_several_schemas(
    conn: asyncpg.Connection, write_migrations: WriteMigrations
) -> None:
    """The chassis' tables exist once in every service's schema."""
    for schema in ("library", "museum"):
        await migrations.migrate(conn, schema, [write_migrations(FIRST)])

    assert await columns(conn, "library") == await columns(conn, "museum") == ["book"]


async def test_several_processes_at_once_apply_each_file_once(database: str, write_migrations: WriteMigrations) -> None:
    """Three services start together and all of them migrate."""
    # Slow, so that without the lock everybody would find the table missing.
    package = write_migrations({"0001_pre_loan.sql": "SELECT pg_sleep(0.2); CREATE TABLE loan (book text)"})

    async def one_process() -> int:
        connection = await asyncpg.connect(database)
        try:
            return len(await migrations.migrate(connection, "library", [package]))
        finally:
            await connection.close()

    assert sorted(await asyncio.gather(*(one_process() for _ in range(5)))) == [0, 0, 0, 0, 1]


async def test_changed_applied_file_is_refused(conn: asyncpg.Connection, write_migrations: WriteMigrations) -> None:
    await migrations.migrate(conn, "library", [write_migrations(FIRST)])

    changed = write_migrations({"0001_pre_loan.sql": "CREATE TABLE loan (book text, shelf text)"} | SECOND)

    with pytest.raises(MigrationConflict, match=r"0001_pre_loan\.sql was changed"):
        await migrations.migrate(conn, "library", [changed])
    assert await columns(conn, "library") == ["book"]


async def test_line_ends_of_a_checkout_are_no_change(
    conn: asyncpg.Connection, write_migrations: WriteMigrations
) -> None:
    await migrations.migrate(
        conn, "library", [write_migrations({"0001_pre_loan.sql": "CREATE TABLE loan (\nbook text)"})]
    )

    assert (
        await migrations.migrate(
            conn, "library", [write_migrations({"0001_pre_loan.sql": "CREATE TABLE loan (\r\nbook text)"})]
        )
        == []
    )


async def test_removed_applied_file_is_refused(conn: asyncpg.Connection, write_migrations: WriteMigrations) -> None:
    """An older release must not run on the schema of a newer one."""
    await migrations.migrate(conn, "library", [write_migrations(FIRST | SECOND)])

    with pytest.raises(MigrationConflict, match=r"0002_pre_due\.sql was applied and has been removed"):
        await migrations.migrate(conn, "library", [write_migrations(FIRST)])


async def test_new_file_before_an_applied_one_is_refused(
    conn: asyncpg.Connection, write_migrations: WriteMigrations
) -> None:
    """Branches that are merged late would otherwise lead to databases with different schemas."""
    await migrations.migrate(
        conn, "library", [write_migrations(SECOND | {"0002_pre_due.sql": "CREATE TABLE other (x int)"})]
    )

    with pytest.raises(MigrationConflict, match=r"0001_pre_loan\.sql is new"):
        await migrations.migrate(
            conn, "library", [write_migrations(FIRST | {"0002_pre_due.sql": "CREATE TABLE other (x int)"})]
        )


async def test_second_phase_runs_only_on_request(conn: asyncpg.Connection, write_migrations: WriteMigrations) -> None:
    """What the previous release still needs is removed only after it has stopped."""
    package = write_migrations(
        FIRST | {"0002_post_drop.sql": "DROP TABLE loan"} | {"0003_pre_shelf.sql": "CREATE TABLE shelf ()"}
    )

    before = await migrations.migrate(conn, "library", [package], phases=["pre"])
    after = await migrations.migrate(conn, "library", [package])

    assert [each.name for each in before] == ["0001_pre_loan.sql", "0003_pre_shelf.sql"]
    assert [each.name for each in after] == ["0002_post_drop.sql"]


async def test_failed_migration_is_rolled_back(conn: asyncpg.Connection, write_migrations: WriteMigrations) -> None:
    package = write_migrations(FIRST | {"0002_pre_half.sql": "CREATE TABLE half (); SELECT 1 / 0"})

    with pytest.raises(asyncpg.DivisionByZeroError):
        await migrations.migrate(conn, "library", [package])

    assert await conn.fetchval("SELECT to_regclass('library.half')") is None
    assert [each.name for each in await migrations.list_pending(conn, "library", [package])] == ["0002_pre_half.sql"]


@pytest.mark.parametrize("names", [["first.sql"], ["0001_pre_a.sql", "0001_post_b.sql"], ["001_pre_a.sql"]])
async def test_unordered_file_names_are_refused(
    conn: asyncpg.Connection, write_migrations: WriteMigrations, names: list[str]
) -> None:
    with pytest.raises(MigrationConflict):
        await migrations.migrate(conn, "library", [write_migrations(dict.fromkeys(names, "SELECT 1"))])


async def test_role_without_the_right_to_create_schemas_can_migrate_its_own(
    conn: asyncpg.Connection, write_migrations: WriteMigrations
) -> None:
    """A deployment may create schemas and roles beforehand and grant services nothing else."""
    role = f"role_{uuid.uuid4().hex[:8]}"
    await conn.execute(f"CREATE ROLE {role}; CREATE SCHEMA library AUTHORIZATION {role}; SET ROLE {role}")
    try:
        assert len(await migrations.migrate(conn, "library", [write_migrations(FIRST)])) == 1
    finally:
        await conn.execute(f"RESET ROLE; DROP OWNED BY {role}; DROP ROLE {role}")


async def test_chassis_migrations_apply(conn: asyncpg.Connection) -> None:
    await migrations.migrate(conn, "library", [migrations.CHASSIS_MIGRATIONS])
    await migrations.migrate(conn, "cities", [migrations.CITIES_MIGRATIONS])

    assert await conn.fetchval("SELECT count(*) FROM library.api_key") == 0
    assert await conn.fetchval("SELECT count(*) FROM cities.clock") == 0
