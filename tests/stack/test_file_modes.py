"""What the local stack writes is its owner's alone, as root and as an ordinary user, in old homes too."""

import os
import shutil
import stat
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from paidan_deploy.paths import StackPaths
from paidan_deploy.servers import run_as
from paidan_deploy.stack import file_modes
from tests.servers import ServerAddresses
from tests.stack.paidan_command import command_with_home

pytestmark = pytest.mark.takes(seconds=20)

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root has a user to lend")
FILES = (
    "state.json",
    "servers.json",
    "supervisor.lock",
    "secrets/vault-key",
    "log/intake.log",
    "services/intake/process.json",
    "photos/ab/abcd.jpg",
    "imports/old.json",
    "kafka/data/paidan.cases-0/0.log",
    "postgres/ports.json",
    "postgres/files/data/PG_VERSION",
)


@pytest.fixture
def reachable_home() -> Iterator[StackPaths]:
    """Yield an old, open home where another user can reach it; pytest's own folders are closed."""
    root = run_as.SHARED_FOLDER / f"paidan-test-{os.getpid()}-modes"
    for name in FILES:
        file = root / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text("old")
    for path in (root, *root.rglob("*")):
        path.chmod(0o755 if path.is_dir() else 0o644)
    yield StackPaths(root)
    shutil.rmtree(root)


def open_to_others(root: Path, bits: int = 0o077) -> set[str]:
    return {
        str(path.relative_to(root)) for path in (root, *root.rglob("*")) if stat.S_IMODE(path.lstat().st_mode) & bits
    }


def test_files_of_an_earlier_release_are_closed(reachable_home: StackPaths) -> None:
    file_modes.close_files(reachable_home, postgres_user=None, services_user=None)

    left = open_to_others(reachable_home.root)
    assert {name for name in left if not name.startswith("postgres/files")} == set(), "PostgreSQL keeps its own"
    assert (reachable_home.root / "photos/ab/abcd.jpg").read_text() == "old"


def test_what_is_not_ours_and_downloads_stay_as_they_are(reachable_home: StackPaths, tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir(mode=0o755)
    reachable_home.cache.symlink_to(elsewhere)
    shutil.rmtree(reachable_home.log)
    reachable_home.log.symlink_to(elsewhere)

    file_modes.close_files(reachable_home, postgres_user=None, services_user=None)

    assert stat.S_IMODE(elsewhere.stat().st_mode) == 0o755


@as_root
def test_the_lent_user_gets_to_its_own_files_and_to_no_others(reachable_home: StackPaths) -> None:
    user = run_as.unprivileged_user()
    assert user is not None
    os.chown(reachable_home.postgres / "files", user, user)

    file_modes.close_files(reachable_home, postgres_user=user, services_user=user)

    assert open_to_others(reachable_home.root, 0o007) <= {"postgres/files", "postgres/files/data"} | {
        name for name in FILES if name.startswith("postgres/files")
    }
    assert run_as.has_permission(user, "-w", reachable_home.photos)
    assert run_as.has_permission(user, "-r", reachable_home.photos / "ab" / "abcd.jpg")
    assert run_as.has_permission(user, "-r", reachable_home.postgres / "files" / "data" / "PG_VERSION")
    for closed in (reachable_home.secrets / "vault-key", reachable_home.state, reachable_home.log / "intake.log"):
        assert not run_as.has_permission(user, "-r", closed)
    for folder in (reachable_home.root, reachable_home.postgres):
        assert not run_as.has_permission(user, "-r", folder), "it may pass, not list"
        assert run_as.has_permission(user, "-x", folder)


@as_root
def test_a_user_that_cannot_read_our_code_is_not_lent(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    user = run_as.unprivileged_user()
    monkeypatch.setattr(file_modes, "can_run_services", lambda _user: False)

    used, notes = file_modes.prepare(StackPaths(tmp_path / "home"))

    assert (used, user is None) == (None, False)
    assert "services run as root" in notes[0]


async def test_services_of_a_stack_run_as_the_lent_user_and_leave_nothing_open(
    servers: ServerAddresses, topic_prefix: str, database: str
) -> None:
    home = run_as.SHARED_FOLDER / f"paidan-test-{os.getpid()}-stack"
    given = {"kafka": servers.kafka, "database": database, "topic_prefix": topic_prefix}
    try:
        with command_with_home(home, **given) as paidan:
            before = os.umask(0o022)
            try:
                paidan("up", "--detach")
            finally:
                os.umask(before)
            pids = paidan.pids()
            users = {
                name: psutil.Process(pids[name]).uids().real for name in ("intake", "dispatch", "scoring", "cockpit")
            }
            left = open_to_others(home, 0o007 if os.geteuid() == 0 else 0o077)
            notes = paidan.state.notes
    finally:
        shutil.rmtree(home, ignore_errors=True)

    assert left - {"cache"} == set()
    if os.geteuid() != 0:
        assert set(users.values()) == {os.geteuid()}
    elif not any("services run as root" in note for note in notes):
        assert set(users.values()) == {run_as.unprivileged_user()}
