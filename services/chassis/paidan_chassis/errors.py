"""The chassis's exceptions, sorted by what the process does next, and the exit codes that a supervisor sees."""

from typing import ClassVar, Final

EXIT_BUG: Final = 70
EXIT_HALTED: Final = 75
EXIT_MISCONFIGURED: Final = 78


class ChassisError(Exception):
    """An error that ends the process unless somebody handles it."""

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


class Halt(ChassisError):
    """Going on would do harm until an operator has looked (a city pack is missing, the log is another one).

    Raised by a handler or by the chassis; the consumer records it in the database and raises ``Halted``.
    It stops the loop that it is about and nothing else. While a service is opened it ends the process. ``detail`` is in
    English and, behind " | ", in Chinese.
    """

    exit_code: ClassVar[int] = EXIT_HALTED

    def __init__(self, reason: str, detail: str = "") -> None:
        super().__init__(f"{reason}: {detail}" if detail else reason)
        self.reason = reason
        self.detail = detail


class Halted(ChassisError):
    """The consumer is halted, now or since an earlier run. Its loop goes on as soon as the halt is lifted."""

    exit_code: ClassVar[int] = EXIT_HALTED

    def __init__(self, consumer: str, reason: str, detail: str = "") -> None:
        super().__init__(f"consumer {consumer} is halted ({reason}): {detail}; `paidan resume` lifts it")
        self.consumer = consumer
        self.reason = reason
        self.detail = detail


class Unacknowledged(ChassisError):
    """Kafka has not acknowledged a message in time. It may be stored all the same, now or later."""
