"""Closes the local stack's folder to other users, and lends services the user that PostgreSQL runs as under root."""

import importlib.util
import os
import pwd
import stat
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from paidan_deploy.paths import StackPaths
from paidan_deploy.servers import run_as
from paidan_deploy.services import SERVICES

_GROUP_AND_OTHERS: Final = 0o077
_LIBRARIES: Final = ("paidan_chassis", "paidan_contracts", "aiokafka", "asyncpg", "pydantic", "faststream")


def prepare(paths: StackPaths) -> tuple[int | None, list[str]]:
    """Close the stack's files; return the user that services run as (None: ourselves), and a note if that is root."""
    user = run_as.unprivileged_user()
    if user is None or can_run_services(user):
        close_files(paths, postgres_user=user, services_user=user)
        return user, []
    close_files(paths, postgres_user=user, services_user=None)
    name = pwd.getpwuid(user).pw_name
    return None, [
        f"services run as root: user {name} cannot read the interpreter, our code or libraries"
        f" / 各服务以 root 运行：用户 {name} 不能读取解释器、本系统代码或程序库"
    ]


def can_run_services(user: int) -> bool:
    """Return whether this user can read the interpreter, our code and the libraries: root may have closed them."""
    modules = [*(service.package for service in SERVICES), *_LIBRARIES]
    specs = [importlib.util.find_spec(name) for name in modules]
    files = [Path(spec.origin) for spec in specs if spec is not None and spec.origin is not None]
    return run_as.has_permission(user, "-x", Path(sys.executable)) and all(
        run_as.has_permission(user, "-r", file) for file in files
    )


def close_files(paths: StackPaths, *, postgres_user: int | None, services_user: int | None) -> None:
    """Make everything of this stack its owner's alone, files of an earlier release included.

    Where PostgreSQL and services run as another user, this user may pass through the folders that lead to its own, but
    not list them.
    Downloads stay as they are: they are public, and the folder that holds them is closed.
    """
    paths.root.mkdir(parents=True, exist_ok=True)
    for folder in (paths.kafka, paths.secrets, paths.log, paths.services, paths.imports):
        _close(folder)
    _close(paths.postgres, without=(paths.postgres / "files",))
    for file in (paths.state, paths.saved_servers, paths.lock):
        _close(file)
    paths.photos.mkdir(exist_ok=True)
    _close(paths.photos)
    if services_user is not None:
        _give(paths.photos, services_user)
    if postgres_user is not None:
        run_as.let_pass(paths.postgres, postgres_user)
        run_as.let_pass(paths.root, postgres_user)
    else:
        paths.root.chmod(0o700)


def _close(path: Path, *, without: Sequence[Path] = ()) -> None:
    """Close a file, or a folder and all in it; a folder that is closed already is not searched."""
    if path in without or path.is_symlink() or not path.exists() or not _belongs_to_us(path):
        return
    mode = stat.S_IMODE(path.stat().st_mode)
    if not mode & _GROUP_AND_OTHERS:
        return
    if path.is_dir():
        for each in path.iterdir():
            _close(each, without=without)
    path.chmod(mode & ~_GROUP_AND_OTHERS)


def _belongs_to_us(path: Path) -> bool:
    return os.geteuid() in {0, path.lstat().st_uid}


def _give(folder: Path, user: int) -> None:
    """Make this user the owner of a folder and all in it, unless it is already."""
    if folder.lstat().st_uid == user:
        return
    for path in (*folder.rglob("*"), folder):
        os.chown(path, user, user, follow_symlinks=False)
