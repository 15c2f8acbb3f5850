"""What the chassis raises. Sorted by what the process does next; the numbers are what a supervisor sees."""

from typing import ClassVar, Final

EXIT_BUG: Final = 70
EXIT_HALTED: Final = 75
EXIT_MISCONFIGURED: Final = 78


class ChassisError(Exception):
    """Something the process cannot go on from."""

    exit_code: ClassVar[int] = EXIT_BUG


class Misconfigured(ChassisError):
    """The environment or the command line is wrong; restarting cannot help."""

    exit_code: ClassVar[int] = EXIT_MISCONFIGURED


class Stalled(ChassisError):
    """A loop has stopped making progress; a new process may do better."""

    def __init__(self, loop: str, reason: str) -> None:
        super().__init__(f"loop {loop} makes no progress: {reason}")
        self.loop = loop
        self.reason = reason
