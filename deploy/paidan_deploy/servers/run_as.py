"""An unprivileged user for PostgreSQL, which refuses to run as root, and folders that this user can reach."""

import hashlib
import os
import pwd
import shutil
import stat
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from paidan_deploy.errors import ServerStartError

# Unlike /tmp, it survives a restart of the machine.
SHARED_FOLDER: Final = Path("/var/tmp")  # noqa: S108 - a folder of our own is made in it and its owner is checked
UNPRIVILEGED_USERS: Final = ("postgres", "nobody")


def unprivileged_user() -> int | None:
    """Return the user id to run PostgreSQL as when we are root; None otherwise. Raises ServerStartError."""
    if os.geteuid() != 0:
        return None
    for name in UNPRIVILEGED_USERS:
        try:
            return pwd.getpwnam(name).pw_uid
        except KeyError:
            continue
    raise ServerStartError(
        f"PostgreSQL refuses to run as root, and this machine has none of the users {', '.join(UNPRIVILEGED_USERS)}"
        f" / PostgreSQL 拒绝以 root 运行，而本机没有 {'、'.join(UNPRIVILEGED_USERS)} 中的任何用户"
    )


def with_user_name(argv: Sequence[str]) -> list[str]:
    """Return a command line that also works under a user id without a name, as containers assign.

    `initdb` needs the name, the server does not. It runs in a user namespace in which our id is one with a name; its
    files belong to us all the same. Raises ServerStartError with the remedy where namespaces are not allowed.
    """
    own_uid = os.geteuid()
    if own_uid == 0 or _user_has_name(own_uid):
        return list(argv)
    mapped_uid = next((entry.pw_uid for entry in pwd.getpwall() if entry.pw_uid != 0), None)
    unshare = [] if mapped_uid is None else ["unshare", "--user", f"--map-user={mapped_uid}"]
    if not unshare or shutil.which("unshare") is None or not _succeeds([*unshare, "true"]):
        raise ServerStartError(
            f"user id {own_uid} has no name here, and initdb refuses to run without one: add the line"
            f" 'paidan:x:{own_uid}:{os.getegid()}::/:/sbin/nologin' to /etc/passwd, run as a user that has one,"
            " or set PAIDAN_DATABASE to a server of your own"
            f" / 用户号 {own_uid} 在此没有名称，initdb 因此拒绝运行："
            f"请在 /etc/passwd 中加入 'paidan:x:{own_uid}:{os.getegid()}::/:/sbin/nologin'，或换用有名称的用户，"
            "或把 PAIDAN_DATABASE 设为自备的服务器"
        )
    return [*unshare, *argv]


def _user_has_name(user: int) -> bool:
    try:
        pwd.getpwuid(user)
    except KeyError:
        return False
    return True


def _succeeds(argv: Sequence[str]) -> bool:
    try:
        return subprocess.run(argv, capture_output=True, timeout=60, check=False).returncode == 0
    except (OSError, subprocess.TimeoutExpired):
        return False


def has_permission(user: int | None, permission: str, path: Path) -> bool:
    """Check whether this user may read (-r), write (-w) or execute (-x) the path, by trying as that user."""
    if user is None:
        return os.access(path, {"-r": os.R_OK, "-w": os.W_OK, "-x": os.X_OK}[permission])
    result = subprocess.run(
        ["test", permission, str(path)], cwd="/", user=user, group=user, extra_groups=[], check=False
    )
    return result.returncode == 0


def make_data_folder(user: int | None, home: Path) -> Path:
    """Create the folder for this user's files: in home where the user can reach it, else at a fixed place outside."""
    folder = _make_owned_folder(home / "files", user)
    if has_permission(user, "-w", folder):
        return folder
    folder.rmdir()
    return _make_owned_folder(_make_traversable_folder(_external_folder(home)) / "files", user)


def find_data_folder(home: Path) -> Path | None:
    """Return the folder that ``make_data_folder`` created, if any."""
    return next((folder for folder in (home / "files", _external_folder(home) / "files") if folder.exists()), None)


def remove_data_folder(home: Path) -> None:
    shutil.rmtree(home / "files", ignore_errors=True)
    shutil.rmtree(_external_folder(home), ignore_errors=True)


def shared_folder() -> Path:
    """Create the folder for programs that any user can run; it holds no data, so a wipe leaves it."""
    return _make_traversable_folder(SHARED_FOLDER / f"paidan-{os.geteuid()}")


def _external_folder(home: Path) -> Path:
    return SHARED_FOLDER / f"paidan-{os.geteuid()}-{hashlib.sha256(str(home).encode()).hexdigest()[:12]}"


def _make_owned_folder(folder: Path, user: int | None) -> Path:
    _make_own_folder(folder.parent)
    folder.mkdir(exist_ok=True, mode=0o700)
    if user is not None:
        let_pass(folder.parent, user)
        os.chown(folder, user, user)
    return folder


def let_pass(folder: Path, user: int) -> None:
    """Let this user pass through a folder of ours, and nobody else; nobody but us may list it."""
    if folder.exists():
        os.chown(folder, -1, user)
        folder.chmod(0o710)


def _make_traversable_folder(folder: Path) -> Path:
    """Create a folder that others can traverse, whatever our umask is."""
    _make_own_folder(folder)
    folder.chmod(0o711)
    return folder


def make_world_readable(folder: Path) -> None:
    """Make everything in this folder readable for all: root may have installed it for itself alone."""
    for path in [folder, *folder.rglob("*")]:
        if not path.is_symlink():
            mode = path.stat().st_mode
            path.chmod(mode | (0o055 if path.is_dir() or mode & 0o100 else 0o044))


def _make_own_folder(folder: Path) -> None:
    """Create the folder; raise ServerStartError for one that another user created first."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o711)
    info = folder.lstat()
    if not stat.S_ISDIR(info.st_mode) or info.st_uid != os.geteuid():
        raise ServerStartError(f"{folder} belongs to another user: remove it / {folder} 属于其他用户：请删除")
