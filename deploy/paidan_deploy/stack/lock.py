"""The supervisor's lock: one supervisor at a time; the system releases the lock when its holder dies."""

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TextIO

from paidan_deploy.errors import DeployError
from paidan_deploy.paths import StackPaths


class AlreadyRunningError(DeployError):
    """Another supervisor runs this stack."""


@contextmanager
def supervisor_lock(paths: StackPaths) -> Iterator[TextIO]:
    """Hold the lock. Raises AlreadyRunningError where another process does."""
    paths.root.mkdir(parents=True, exist_ok=True)
    with paths.lock.open("a") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise AlreadyRunningError(
                "the stack is running already, or starting or stopping / 本地栈已在运行，或正在启动或停止"
            ) from error
        yield file


def is_locked(paths: StackPaths) -> bool:
    """Check whether a supervisor holds the lock, though it may not have published a state yet."""
    if not paths.lock.exists():
        return False
    try:
        with supervisor_lock(paths):
            return False
    except AlreadyRunningError:
        return True
