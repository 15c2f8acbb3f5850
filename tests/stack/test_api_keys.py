"""`paidan keys`: what a key may be for, how long, and what is recorded of it."""

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import asyncpg
import pytest
import typer
from typer.testing import CliRunner

from paidan_chassis.clock import real_now
from paidan_chassis.database import Connection
from paidan_contracts.scopes import ROLE_MEANINGS, SCOPE_MEANINGS, InvalidScope
from paidan_deploy.cli import keys as keys_command
from paidan_deploy.credentials import Credentials
from paidan_deploy.provisioning.api_keys import all_keys, create_key, require_published, revoke_everywhere
from paidan_deploy.provisioning.database import prepare_database
from paidan_deploy.services import SERVICES
from tests import servers as real
from tests.scoring.database_fixture import pack_bytes, pack_version

APP = typer.Typer(rich_markup_mode="rich")
keys_command.register(APP)
OTHER_CITY = pack_bytes(city="tinyville").replace(b'"lamps"', b'"lanterns"')


@pytest.fixture(scope="module")
async def installation(
    servers: real.ServerAddresses, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Connection]:
    """Prepare a database with two published cities, tiny and tinyville."""
    secrets: Path = tmp_path_factory.mktemp("secrets")
    async with real.fresh_database(servers) as dsn:
        await prepare_database(dsn, Credentials(secrets))
        await prepare_database(dsn, Credentials(secrets))
        conn = await asyncpg.connect(dsn)
        for city, content in (("tiny", pack_bytes()), ("tinyville", OTHER_CITY)):
            statement = "INSERT INTO cities.pack (version, city, content) VALUES ($1, $2, $3)"
            await conn.execute(statement, pack_version(content), city, content)
        try:
            yield conn
        finally:
            await conn.close()


@pytest.mark.parametrize(
    ("city", "scopes", "named"),
    [
        ("tinny", ["role:monitor"], ["tinny", "tiny"]),
        ("losangeles", ["source:hotline"], ["losangeles", "tiny, tinyville"]),
        ("tiny", ["source:hotlin"], ["source:hotlin", "hotline"]),
        ("tiny", ["department:street"], ["department:street", "streets"]),
        ("tiny", ["department:lanterns"], ["department:lanterns", "tinyville"]),
        ("tiny", ["role:inspector", "member:lamp"], ["member:lamp", "lamps"]),
        ("*", ["source:nowhere"], ["source:nowhere"]),
    ],
)
async def test_key_for_what_no_pack_has_is_refused_naming_the_nearest(
    installation: Connection, city: str, scopes: list[str], named: list[str]
) -> None:
    """Its holder would get empty answers for ever, and never learn why."""
    with pytest.raises(InvalidScope) as refused:
        await require_published(installation, city, scopes)

    [mistake] = refused.value.mistakes
    for word in named:
        assert word in mistake.en
        assert word in mistake.zh


async def test_every_unknown_scope_of_a_key_is_named(installation: Connection) -> None:
    with pytest.raises(InvalidScope) as refused:
        await require_published(installation, "tiny", ["source:a", "department:b", "role:monitor"])

    assert len(refused.value.mistakes) == 2


@pytest.mark.parametrize(
    ("city", "scopes"),
    [
        ("tiny", ["source:hotline", "backdate"]),
        ("tiny", ["department:lamps"]),
        ("*", ["department:lanterns"]),
        ("*", ["role:auditor"]),
        ("tinyville", ["role:inspector", "member:lanterns"]),
    ],
)
async def test_key_for_what_a_pack_has_is_accepted(installation: Connection, city: str, scopes: list[str]) -> None:
    await require_published(installation, city, scopes)


async def test_key_expires_after_a_year_unless_stated(installation: Connection) -> None:
    _, yearly = await create_key(installation, name="a", city="tiny", scopes=["role:monitor"])
    _, short = await create_key(
        installation, name="a", city="tiny", scopes=["role:monitor"], valid_for=timedelta(days=3)
    )

    for key_id, expected in ((yearly, 365), (short, 3)):
        [key] = [each for each in await all_keys(installation) if each.key_id == key_id]
        assert key.expires_at is not None
        assert round((key.expires_at - real_now()) / timedelta(days=1), 1) == expected


async def test_grants_and_revocations_are_in_every_services_access_log(installation: Connection) -> None:
    _, key_id = await create_key(
        installation, name="b", city="tiny", scopes=["role:monitor"], granted_by="li", valid_for=timedelta(days=1)
    )
    assert await revoke_everywhere(installation, key_id, revoked_by="wang")

    for service in SERVICES:
        rows = await installation.fetch(
            f"SELECT kind, actor, detail FROM {service.name}.access_log WHERE key_id = $1 ORDER BY id", key_id
        )
        assert [(row["kind"], row["actor"]) for row in rows] == [("key_granted", "li"), ("key_revoked", "wang")]
        assert "role:monitor" in rows[0]["detail"]


async def test_last_use_is_that_on_any_service(installation: Connection) -> None:
    _, key_id = await create_key(installation, name="c", city="tiny", scopes=["role:monitor"])
    await installation.execute("UPDATE scoring.api_key SET last_used_at = now() WHERE key_id = $1", key_id)

    [key] = [each for each in await all_keys(installation) if each.key_id == key_id]

    assert key.last_used_at is not None
    assert key.granted_by == "paidan"


async def test_administrators_key_ends_a_year_after_provisioning_was_last_run(installation: Connection) -> None:
    """A key of 0.1 had no end; so had one that lies in an old backup."""
    [admin] = [each for each in await all_keys(installation) if each.scopes == ("role:admin",)]
    renewals = await installation.fetchval(
        "SELECT count(*) FROM intake.access_log WHERE kind = 'key_renewed' AND key_id = $1", admin.key_id
    )

    assert admin.expires_at is not None
    assert admin.expires_at - real_now() < timedelta(days=366)
    assert renewals == 2


async def test_list_shows_end_last_use_and_grantor_of_each_key(installation: Connection) -> None:
    _, ours = await create_key(installation, name="d", city="tiny", scopes=["role:monitor"], granted_by="li")
    await revoke_everywhere(
        installation, (await create_key(installation, name="e", city="tiny", scopes=["backdate"]))[1]
    )
    await installation.execute("UPDATE scoring.api_key SET last_used_at = '2026-11-28Z' WHERE key_id = $1", ours)

    rows = {key.name: " ".join(keys_command._key_row(key)) for key in await all_keys(installation)}  # noqa: SLF001 - printed

    year = real_now() + timedelta(days=365)
    for shown in (f"{year:%Y-%m-%d}", "2026-11-28 00:00", f"{real_now():%Y-%m-%d} li"):
        assert shown in rows["d"]
    assert f"revoked 已撤销 {real_now():%Y-%m-%d}" in rows["e"]
    assert "never" in rows["e"]


def test_help_explains_every_scope_in_both_languages_on_a_narrow_terminal() -> None:
    """It was cut off at 80 columns, and explained no role."""
    result = CliRunner().invoke(APP, ["keys", "add", "--help"], env={"COLUMNS": "80", "TERM": "dumb"})
    text = "".join(result.output.split())

    assert "…" not in result.output
    meanings = [*SCOPE_MEANINGS.items(), *((f"role:{role}", meaning) for role, meaning in ROLE_MEANINGS.items())]
    for scope, meaning in meanings:
        assert scope in result.output
        assert "".join(meaning.en.split()) in text
        assert "".join(meaning.zh.split()) in text


@pytest.mark.parametrize(
    "options",
    [
        ["--days", "0"],
        ["--days", "4000"],
        ["--days", "3", "--expires", "2099-01-01"],
        ["--expires", "2020-01-01"],
        ["--expires", "31.12.2027"],
    ],
)
def test_senseless_ends_are_refused_before_anything_is_opened(options: list[str]) -> None:
    arguments = ["keys", "add", "--name", "x", "--city", "tiny", *options, "role:monitor"]

    result = CliRunner().invoke(APP, arguments)

    assert result.exit_code != 0
