"""How a batch can fail, sorted by what the consumer does next. What is not here is a bug and ends the process."""

from typing import ClassVar

from paidan_chassis.consumer.records import Record
from paidan_chassis.errors import EXIT_HALTED, ChassisError


class PoisonRecord(ChassisError):
    """This record can never be applied: it alone becomes a dead letter, and the batch is applied without it."""

    def __init__(self, record: Record, reason: str, detail: str = "") -> None:
        super().__init__(f"{record.lane}@{record.offset}: {reason}")
        self.record = record
        self.reason = reason
        self.detail = detail


class Halt(ChassisError):
    """Going on would do harm until somebody has looked (a city pack is missing, the log is another one).

    Raised by a handler or by the chassis itself; the consumer keeps it in the database and raises ``Halted``.
    """

    def __init__(self, reason: str, detail: str = "") -> None:
        super().__init__(f"{reason}: {detail}" if detail else reason)
        self.reason = reason
        self.detail = detail


class Halted(ChassisError):
    """The consumer is halted, now or since an earlier run; the process ends and the supervisor leaves it so."""

    exit_code: ClassVar[int] = EXIT_HALTED

    def __init__(self, consumer: str, reason: str, detail: str = "") -> None:
        super().__init__(f"consumer {consumer} is halted ({reason}): {detail}; `paidan resume` lifts it")
        self.consumer = consumer
        self.reason = reason
        self.detail = detail


class Unacknowledged(ChassisError):
    """Kafka has not acknowledged a message in time. It may be stored all the same, or be stored yet."""


class MessageTooLarge(ChassisError):
    """A value that Kafka would refuse; sent all the same, it would block its partition for this producer for good."""
