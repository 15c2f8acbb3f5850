"""PostgreSQL runs as another user when root starts it, wherever the checkout lies."""

import os
import pwd
import shutil
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from paidan_deploy.errors import ServerStartError
from paidan_deploy.servers import postgres_binaries, run_as
from paidan_deploy.servers.postgres import PostgresServer

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root has privileges to drop")


@as_root
def test_root_hands_the_server_to_another_user_even_in_a_closed_folder(tmp_path: Path) -> None:
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o700)
    server = PostgresServer(home=closed / "postgres")
    try:
        server.start()

        assert server.process is not None
        assert server.process.uids().effective == run_as.unprivileged_user() != 0
        assert server.data_folder is not None
        assert not server.data_folder.is_relative_to(closed)
    finally:
        server.kill()
        server.remove_files()
    assert server.data_folder is None


@as_root
def test_root_with_a_closed_installation_still_gets_a_server(tmp_path: Path) -> None:
    """Under umask 077 everything that root installs is closed to the user that must run it."""
    closed = tmp_path / "closed"
    before = os.umask(0o077)
    server = PostgresServer(home=closed / "postgres")
    try:
        server.start()

        assert server.process is not None
    finally:
        os.umask(before)
        server.kill()
        server.remove_files()


@as_root
def test_home_is_used_where_the_user_can_reach_it(tmp_path: Path) -> None:
    reachable = run_as.SHARED_FOLDER / f"paidan-test-{os.getpid()}"  # pytest's own folders are closed
    try:
        folder = run_as.make_data_folder(run_as.unprivileged_user(), reachable / "home")

        assert folder.is_relative_to(reachable)
    finally:
        shutil.rmtree(reachable)


@as_root
def test_a_folder_that_another_user_created_first_is_refused(tmp_path: Path) -> None:
    """The place outside has a name that anyone on the machine can guess."""
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o700)
    user = run_as.unprivileged_user()
    assert user is not None
    planted = run_as.make_data_folder(user, closed / "home").parent
    os.chown(planted, user, user)
    try:
        with pytest.raises(ServerStartError, match="belongs to another user"):
            run_as.make_data_folder(user, closed / "home")
    finally:
        shutil.rmtree(planted)


NAMELESS = 54_321


@dataclass(frozen=True, slots=True)
class ChildResult:
    """Exit code and error text of a child process."""

    code: int
    error_text: str


def run_as_nameless(work: Callable[[], None]) -> ChildResult:
    """Run a function in a child process under a user id without a name, as containers assign."""
    with pytest.raises(KeyError):
        pwd.getpwuid(NAMELESS)
    read, write = os.pipe()
    with warnings.catch_warnings():
        warnings.simplefilter(
            "ignore", DeprecationWarning
        )  # this process may have threads; the child needs none of them
        child = os.fork()
    if child == 0:
        error_text, code = "", 1
        try:
            os.setgroups([])
            os.setgid(NAMELESS)
            os.setuid(NAMELESS)
            os.chdir("/")
            work()
            code = 0
        except BaseException as error:  # noqa: BLE001 - a forked child must never return into pytest
            error_text = f"{type(error).__name__}: {error}"
        finally:
            os.write(write, error_text.encode())
            os._exit(code)
    os.close(write)
    with os.fdopen(read) as pipe:
        error_text = pipe.read()
    return ChildResult(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), error_text)


@pytest.fixture
def reachable_folder() -> Iterator[Path]:
    """Yield a folder that the nameless user may write to; pytest's own are closed."""
    folder = run_as.SHARED_FOLDER / f"paidan-test-{os.getpid()}-nameless"
    folder.mkdir()
    os.chown(folder, NAMELESS, NAMELESS)
    yield folder
    shutil.rmtree(folder)


@as_root
def test_a_user_without_a_name_gets_a_server(reachable_folder: Path) -> None:
    """`initdb` needs the name of its user, and fails without one."""
    programs = postgres_binaries.find_binaries(run_as.unprivileged_user())
    server = PostgresServer(home=reachable_folder / "postgres")
    ended = run_as_nameless(lambda: command_with_user_name(server, programs))
    try:
        assert ended == ChildResult(0, "")
        assert server.process is not None
        assert server.process.uids().effective == NAMELESS
        assert {path.stat().st_uid for path in reachable_folder.rglob("*")} == {NAMELESS}
    finally:
        server.kill()


def command_with_user_name(server: PostgresServer, programs: Path) -> None:
    # The child may have no access to the checkout, so it gets programs that it can run.
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(postgres_binaries, "find_binaries", lambda _user: programs)
        server.start()


@as_root
def test_error_explains_how_to_give_the_user_a_name(reachable_folder: Path) -> None:
    """Containers often forbid user namespaces; here there is no `unshare` to make one."""

    def start() -> None:
        os.environ["PATH"] = "/nowhere"
        run_as.with_user_name(["initdb"])

    ended = run_as_nameless(start)

    assert ended.code == 1
    assert ended.error_text.startswith(f"ServerStartError: user id {NAMELESS} has no name here")
    assert f"paidan:x:{NAMELESS}:{NAMELESS}::/:/sbin/nologin" in ended.error_text
    assert "PAIDAN_DATABASE" in ended.error_text
    assert not list(reachable_folder.iterdir())


def test_a_user_with_a_name_runs_programs_unchanged() -> None:
    assert run_as.with_user_name(["initdb", "-D", "data"])[-3:] == ["initdb", "-D", "data"]


def test_an_ordinary_user_keeps_the_files_in_home(tmp_path: Path) -> None:
    assert run_as.make_data_folder(None, tmp_path / "home") == tmp_path / "home" / "files"
