"""PostgreSQL runs as another user when root starts it, wherever the checkout lies."""

import os
import shutil
from pathlib import Path

import pytest

from paidan_deploy import unprivileged
from paidan_deploy.errors import ServerStartError
from paidan_deploy.postgres import PostgresServer

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root has privileges to drop")


@as_root
def test_root_hands_the_server_to_another_user_even_in_a_closed_folder(tmp_path: Path) -> None:
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o700)
    server = PostgresServer(home=closed / "postgres")
    try:
        server.start()

        assert server.process is not None
        assert server.process.uids().effective == unprivileged.account() != 0
        assert server.data is not None
        assert not server.data.is_relative_to(closed)
    finally:
        server.kill()
        server.wipe()
    assert server.data is None


@as_root
def test_a_root_who_shares_nothing_still_gets_a_server(tmp_path: Path) -> None:
    """Under umask 077 everything that root installs and makes is closed to the user who must run it."""
    closed = tmp_path / "closed"
    before = os.umask(0o077)
    server = PostgresServer(home=closed / "postgres")
    try:
        server.start()

        assert server.process is not None
    finally:
        os.umask(before)
        server.kill()
        server.wipe()


@as_root
def test_room_inside_is_used_where_the_user_can_reach_it(tmp_path: Path) -> None:
    reachable = unprivileged.ROOM / f"paidan-test-{os.getpid()}"  # pytest's own folders are closed
    try:
        room = unprivileged.make_room(unprivileged.account(), reachable / "home")

        assert room.is_relative_to(reachable)
    finally:
        shutil.rmtree(reachable)


@as_root
def test_a_room_that_somebody_else_made_first_is_refused(tmp_path: Path) -> None:
    """The place outside has a name that anyone on the machine can guess."""
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o700)
    user = unprivileged.account()
    assert user is not None
    planted = unprivileged.make_room(user, closed / "home").parent
    os.chown(planted, user, user)
    try:
        with pytest.raises(ServerStartError, match="belongs to somebody else"):
            unprivileged.make_room(user, closed / "home")
    finally:
        shutil.rmtree(planted)


def test_an_ordinary_user_keeps_the_files_in_home(tmp_path: Path) -> None:
    assert unprivileged.make_room(None, tmp_path / "home") == tmp_path / "home" / "files"
