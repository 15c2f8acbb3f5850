"""PAIDAN_KAFKA and PAIDAN_DATABASE: the stack on servers of the user's own."""

import json
import os
import subprocess
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from paidan_deploy.settings import StackSettings
from paidan_deploy.stack.saved_servers import OtherServersError, SavedServers
from tests import fork_server
from tests.servers import ServerAddresses, fresh_database, fresh_prefix

pytestmark = pytest.mark.takes(seconds=30)

SAVED = SavedServers(kafka="kafka:9092", database="postgresql://me:made-up@db/paidan", topic_prefix="mine.")
NO_SERVERS = SavedServers(kafka=None, database=None, topic_prefix="")


@dataclass(frozen=True, slots=True)
class PaidanShell:
    """The `paidan` command in a shell with these variables and no other of ours."""

    variables: dict[str, str]

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        others = {name: value for name, value in os.environ.items() if not name.startswith("PAIDAN_")}
        given = others | self.variables | {"COLUMNS": "200"}
        return fork_server.run("paidan_deploy", *arguments, environment=given, timeout_s=180)

    def __call__(self, *arguments: str) -> str:
        done = self.run(*arguments)
        assert done.returncode == 0, done.stderr
        return done.stdout


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("given") / "home"


@pytest.fixture(scope="module")
async def up(servers: ServerAddresses, home: Path) -> AsyncIterator[PaidanShell]:
    """Start the stack on external servers, and yield the shell that names them."""
    async with fresh_prefix(servers.kafka) as prefix, fresh_database(servers) as database:
        paidan = PaidanShell(
            {
                "PAIDAN_HOME": str(home),
                "PAIDAN_KAFKA": servers.kafka,
                "PAIDAN_DATABASE": database,
                "PAIDAN_TOPIC_PREFIX": prefix,
            }
        )
        try:
            paidan("up", "--detach")
            yield paidan
        finally:
            paidan("down", "--wipe")


def test_given_servers_are_used_and_none_is_started(up: PaidanShell, servers: ServerAddresses, home: Path) -> None:
    status = json.loads(up("status", "--json"))

    assert status["kafka"] == {"address": servers.kafka, "pid": None, "folder": None}
    assert status["postgres"]["pid"] is None
    assert {each["condition"] for each in status["services"]} == {"running"}
    assert not (home / "kafka").exists()
    assert not (home / "postgres").exists()


def test_a_shell_that_names_other_servers_gets_an_error(up: PaidanShell, home: Path) -> None:
    assert "phase" in up("status", "--json")
    other = PaidanShell({"PAIDAN_HOME": str(home), "PAIDAN_DATABASE": "postgresql://me:made-up@nowhere/paidan"})

    for command in ("up --detach", "status", "keys list"):
        done = other.run(*command.split())

        assert done.returncode == 1
        assert "PAIDAN_DATABASE differs from what the running stack was started with" in done.stderr
        assert "made-up" not in done.stdout + done.stderr


def test_a_later_shell_finds_the_servers_without_variables(up: PaidanShell, home: Path) -> None:
    key_id = up("keys", "add", "--name", "hotline", "--city", "quancheng", "source:hotline-12345").split()[0]
    later = PaidanShell({"PAIDAN_HOME": str(home)})

    assert key_id in later("keys", "list")
    assert "0 received" in later("verify")
    assert later("dead-letters", "list") == "No dead letters. / 没有死信。\n"
    assert later("resume") == "Nothing was halted. / 没有停机。\n"
    assert set(json.loads(later("status", "--json"))["halts"]) == {"intake", "dispatch", "scoring", "cockpit"}
    assert "is in force" in later("city", "publish", "tests/cities/tiny")

    assert (home / "servers.json").stat().st_mode & 0o777 == 0o600
    assert later("down") == "Stopped. / 已停止。\n"
    assert later("resume") == "Nothing was halted. / 没有停机。\n"


def settings_from(monkeypatch: pytest.MonkeyPatch, **variables: str) -> StackSettings:
    for name in ("KAFKA", "DATABASE", "TOPIC_PREFIX"):
        monkeypatch.delenv(f"PAIDAN_{name}", raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(f"PAIDAN_{name.upper()}", value)
    return StackSettings()


def test_saved_servers_fill_unset_settings(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    SAVED.write(tmp_path / "servers.json")

    saved = SavedServers.read(tmp_path / "servers.json")

    assert saved == SAVED
    assert SavedServers.from_settings(saved.merge(settings_from(monkeypatch), running=True)) == SAVED
    assert (
        SavedServers.from_settings(saved.merge(settings_from(monkeypatch, kafka="kafka:9092"), running=True)) == SAVED
    )


@pytest.mark.parametrize(
    ("variable", "saved", "label"),
    [
        ("kafka", SAVED, "kafka:9092"),
        ("database", SAVED, "postgresql://me@db/paidan"),
        ("topic_prefix", SAVED, "mine."),
        ("kafka", NO_SERVERS, "a Kafka of its own"),
        ("database", NO_SERVERS, "a PostgreSQL of its own"),
        ("topic_prefix", NO_SERVERS, "no prefix"),
    ],
)
def test_conflicting_settings_are_refused_while_running(
    variable: str, saved: SavedServers, label: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = settings_from(monkeypatch, **{variable: "other"})

    with pytest.raises(OtherServersError) as refused:
        saved.merge(settings, running=True)

    assert f"PAIDAN_{variable.upper()} differs from" in str(refused.value)
    assert f"({label}" in str(refused.value)
    assert "made-up" not in str(refused.value)
    assert getattr(saved.merge(settings, running=False), variable) == "other"
    assert getattr(saved.override(settings), variable) == getattr(saved, variable)
