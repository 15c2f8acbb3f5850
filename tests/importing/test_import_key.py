"""The key of an import may backdate: it must not outlive the import, even over a PostgreSQL outage."""

import re
from collections.abc import Awaitable, Callable
from pathlib import Path

import asyncpg
import httpx
import pytest

from paidan_chassis.edge.api_keys import ApiKey
from paidan_deploy.cli.import_records import explain_import_errors, temporary_key
from paidan_deploy.credentials import Credentials
from paidan_deploy.errors import DeployError
from paidan_deploy.provisioning.api_keys import all_keys
from paidan_deploy.provisioning.connection import open_connection
from paidan_deploy.provisioning.database import prepare_database
from paidan_deploy.servers.postgres import PostgresServer
from tests.servers import run_statement


class ImportFailed(Exception):
    """An error that ends an import."""


async def _fail_while_holding_key(dsn: str, meanwhile: Callable[[], Awaitable[None]]) -> None:
    async with temporary_key(dsn, "tiny"):
        await meanwhile()
        raise ImportFailed


async def _only_key(dsn: str) -> ApiKey:
    async with open_connection(dsn) as connection:
        [key] = [each for each in await all_keys(connection) if each.name == "import"]
    return key


async def test_key_is_revoked_after_a_postgres_outage(
    start_postgres: Callable[..., PostgresServer], tmp_path: Path
) -> None:
    server = start_postgres()
    await prepare_database(server.dsn, Credentials(tmp_path))

    async def killed_and_started() -> None:
        server.kill()
        server.start()

    with pytest.raises(ImportFailed):
        await _fail_while_holding_key(server.dsn, killed_and_started)

    assert (await _only_key(server.dsn)).revoked_at is not None


async def test_failed_revocation_is_reported_without_hiding_the_result(
    start_postgres: Callable[..., PostgresServer], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    database = start_postgres().dsn
    await prepare_database(database, Credentials(tmp_path))

    async def broken() -> None:
        await run_statement(database, "ALTER TABLE intake.api_key RENAME COLUMN revoked_at TO gone")

    with pytest.raises(ImportFailed):
        await _fail_while_holding_key(database, broken)

    await run_statement(database, "ALTER TABLE intake.api_key RENAME COLUMN gone TO revoked_at")
    key = await _only_key(database)
    assert key.revoked_at is None
    assert re.search(rf"not revoked .*`paidan keys revoke {key.key_id}`", capsys.readouterr().err)


@pytest.mark.parametrize(
    ("fault", "message"),
    [
        (asyncpg.InterfaceError("connection is closed"), r"interrupted \(connection is closed\); run it again"),
        (asyncpg.CannotConnectNowError("starting up"), r"interrupted \(starting up\); run it again"),
        (ConnectionRefusedError(), r"interrupted \(ConnectionRefusedError\); run it again"),
        (httpx.ReadTimeout(""), r"did not answer \(ReadTimeout\); run it again"),
        (httpx.HTTPError("502\nFor more see elsewhere"), r"did not answer \(502\); run it again"),
    ],
)
def test_import_errors_are_one_line(fault: Exception, message: str) -> None:
    with pytest.raises(DeployError, match=message), explain_import_errors(Path("old.csv"), "old"):
        raise fault
