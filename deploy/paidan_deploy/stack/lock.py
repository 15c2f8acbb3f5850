"""Who keeps a stack up: one supervisor at a time, known by a lock that the system lets go of when its holder dies."""

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TextIO

from paidan_deploy.errors import DeployError
from paidan_deploy.paths import StackPaths


class AlreadyRunningError(DeployError):
    """Another supervisor keeps this stack up."""


@contextmanager
def supervisor_lock(paths: StackPaths) -> Iterator[TextIO]:
    """Hold the lock. Raises AlreadyRunningError where somebody else does."""
    paths.root.mkdir(parents=True, exist_ok=True)
    with paths.lock.open("a") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise AlreadyRunningError("the stack is up already, or on its way up or down") from error
        yield file


def is_locked(paths: StackPaths) -> bool:
    """Tell whether a supervisor keeps the stack up, though it may not have said so yet."""
    if not paths.lock.exists():
        return False
    try:
        with supervisor_lock(paths):
            return False
    except AlreadyRunningError:
        return True
