"""A schema is brought up to date once, by whoever comes first, and never by files that contradict its past."""

import asyncio
import uuid
from collections.abc import AsyncIterator, Callable, Mapping
from pathlib import Path

import asyncpg
import pytest

from paidan_chassis import migrations
from paidan_chassis.migrations import MigrationRefused

Ship = Callable[[Mapping[str, str]], str]


@pytest.fixture
def ship(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Ship:
    """Put migration files where a package of that name is imported from; the same again replaces them."""
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
    """Give a connection to an empty database."""
    connection = await asyncpg.connect(database)
    yield connection
    await connection.close()


FIRST = {"0001_pre_loan.sql": "CREATE TABLE loan (book text PRIMARY KEY)"}
SECOND = {"0002_pre_due.sql": "ALTER TABLE loan ADD COLUMN due date"}


async def columns(conn: asyncpg.Connection, schema: str) -> list[str]:
    """Name the columns of the table that the tests make."""
    rows = await conn.fetch(
        "SELECT column_name FROM information_schema.columns WHERE table_schema = $1 AND table_name = 'loan' ORDER BY 1",
        schema,
    )
    return [row["column_name"] for row in rows]


async def test_applies_what_is_missing_and_nothing_twice(conn: asyncpg.Connection, ship: Ship) -> None:
    await migrations.migrate(conn, "library", [ship(FIRST)])

    done = await migrations.migrate(conn, "library", [ship(FIRST | SECOND)])
    again = await migrations.migrate(conn, "library", [ship(FIRST | SECOND)])

    assert [each.name for each in done] == ["0002_pre_due.sql"]
    assert again == []
    assert await columns(conn, "library") == ["book", "due"]


async def test_one_package_can_serve_several_schemas(conn: asyncpg.Connection, ship: Ship) -> None:
    """The chassis' tables exist once in every service's schema."""
    for schema in ("library", "museum"):
        await migrations.migrate(conn, schema, [ship(FIRST)])

    assert await columns(conn, "library") == await columns(conn, "museum") == ["book"]


async def test_several_processes_at_once_apply_each_file_once(database: str, ship: Ship) -> None:
    """Three services start together and all of them migrate."""
    # Slow, so that without the lock everybody would find the table missing.
    package = ship({"0001_pre_loan.sql": "SELECT pg_sleep(0.2); CREATE TABLE loan (book text)"})

    async def one_process() -> int:
        connection = await asyncpg.connect(database)
        try:
            return len(await migrations.migrate(connection, "library", [package]))
        finally:
            await connection.close()

    assert sorted(await asyncio.gather(*(one_process() for _ in range(5)))) == [0, 0, 0, 0, 1]


async def test_refuses_an_applied_file_that_has_changed(conn: asyncpg.Connection, ship: Ship) -> None:
    await migrations.migrate(conn, "library", [ship(FIRST)])

    changed = ship({"0001_pre_loan.sql": "CREATE TABLE loan (book text, shelf text)"} | SECOND)

    with pytest.raises(MigrationRefused, match=r"0001_pre_loan\.sql was changed"):
        await migrations.migrate(conn, "library", [changed])
    assert await columns(conn, "library") == ["book"]


async def test_line_ends_of_a_checkout_are_no_change(conn: asyncpg.Connection, ship: Ship) -> None:
    await migrations.migrate(conn, "library", [ship({"0001_pre_loan.sql": "CREATE TABLE loan (\nbook text)"})])

    assert (
        await migrations.migrate(conn, "library", [ship({"0001_pre_loan.sql": "CREATE TABLE loan (\r\nbook text)"})])
        == []
    )


async def test_refuses_to_go_on_when_an_applied_file_is_gone(conn: asyncpg.Connection, ship: Ship) -> None:
    """An older release must not run over what a newer one has made."""
    await migrations.migrate(conn, "library", [ship(FIRST | SECOND)])

    with pytest.raises(MigrationRefused, match=r"0002_pre_due\.sql was applied and is gone"):
        await migrations.migrate(conn, "library", [ship(FIRST)])


async def test_refuses_a_new_file_before_an_applied_one(conn: asyncpg.Connection, ship: Ship) -> None:
    """Two branches that were merged late would leave databases that went different ways."""
    await migrations.migrate(conn, "library", [ship(SECOND | {"0002_pre_due.sql": "CREATE TABLE other (x int)"})])

    with pytest.raises(MigrationRefused, match=r"0001_pre_loan\.sql is new"):
        await migrations.migrate(conn, "library", [ship(FIRST | {"0002_pre_due.sql": "CREATE TABLE other (x int)"})])


async def test_the_second_phase_waits_until_it_is_asked_for(conn: asyncpg.Connection, ship: Ship) -> None:
    """What the previous release still needs goes only after it has stopped."""
    package = ship(FIRST | {"0002_post_drop.sql": "DROP TABLE loan"} | {"0003_pre_shelf.sql": "CREATE TABLE shelf ()"})

    before = await migrations.migrate(conn, "library", [package], phases=["pre"])
    after = await migrations.migrate(conn, "library", [package])

    assert [each.name for each in before] == ["0001_pre_loan.sql", "0003_pre_shelf.sql"]
    assert [each.name for each in after] == ["0002_post_drop.sql"]


async def test_a_failing_file_leaves_no_trace_of_itself(conn: asyncpg.Connection, ship: Ship) -> None:
    package = ship(FIRST | {"0002_pre_half.sql": "CREATE TABLE half (); SELECT 1 / 0"})

    with pytest.raises(asyncpg.DivisionByZeroError):
        await migrations.migrate(conn, "library", [package])

    assert await conn.fetchval("SELECT to_regclass('library.half')") is None
    assert [each.name for each in await migrations.pending(conn, "library", [package])] == ["0002_pre_half.sql"]


@pytest.mark.parametrize("names", [["first.sql"], ["0001_pre_a.sql", "0001_post_b.sql"], ["001_pre_a.sql"]])
async def test_refuses_names_that_give_no_order(conn: asyncpg.Connection, ship: Ship, names: list[str]) -> None:
    with pytest.raises(MigrationRefused):
        await migrations.migrate(conn, "library", [ship(dict.fromkeys(names, "SELECT 1"))])


async def test_a_service_role_without_the_right_to_create_schemas_can_migrate_its_own(
    conn: asyncpg.Connection, ship: Ship
) -> None:
    """A deployment may make schemas and roles beforehand and give services nothing else."""
    role = f"role_{uuid.uuid4().hex[:8]}"
    await conn.execute(f"CREATE ROLE {role}; CREATE SCHEMA library AUTHORIZATION {role}; SET ROLE {role}")
    try:
        assert len(await migrations.migrate(conn, "library", [ship(FIRST)])) == 1
    finally:
        await conn.execute(f"RESET ROLE; DROP OWNED BY {role}; DROP ROLE {role}")


async def test_the_chassis_own_tables_can_be_made(conn: asyncpg.Connection) -> None:
    await migrations.migrate(conn, "library", [migrations.OWN])
    await migrations.migrate(conn, "cities", [migrations.CITIES])

    assert await conn.fetchval("SELECT count(*) FROM library.api_key") == 0
    assert await conn.fetchval("SELECT count(*) FROM cities.clock") == 0
