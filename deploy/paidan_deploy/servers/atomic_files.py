"""Atomic writes of small files: a crash leaves the old file or the new one, never half of one."""

import os
from pathlib import Path


def write_atomically(path: Path, text: str, *, mode: int = 0o600, user: int | None = None) -> None:
    """Replace a file in one step, creating its folder if it is missing."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode)
    with os.fdopen(descriptor, "w") as file:
        if user is not None:
            os.fchown(descriptor, user, user)
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path)
