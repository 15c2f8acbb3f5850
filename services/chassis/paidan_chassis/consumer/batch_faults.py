"""What becomes of a batch that failed: the record at fault is rejected, or smaller batches are to find it. No I/O."""

from collections.abc import Sequence

from paidan_chassis.consumer.batch import DeadLetter, PoisonRecord, Record
from paidan_chassis.consumer.errors import TooSlow, is_data_error
from paidan_chassis.consumer.ownership import LONE_DEATHS, SHRINKING_FACTOR
from paidan_chassis.observability.health import LoopProgress


class BatchFaults:
    """The faults of a consumer's batches."""

    def __init__(self, progress: LoopProgress | None) -> None:
        self.slow_batches = 0
        """Times a batch was too slow, and was taken in smaller ones."""
        self._slow_attempts = 0
        self._progress = progress

    def reject_or_split(
        self, error: Exception, part: Sequence[Record], rejected: dict[Record, DeadLetter]
    ) -> int | None:
        """Reject the record at fault, or return how many records to take at once to find it."""
        match error:
            case PoisonRecord():
                _reject(rejected, error.dead_letter)
            case TooSlow():
                return self._slow_down(part, rejected)
            case _ if not is_data_error(error):
                raise error
            case _ if len(part) > 1:
                return half(part)
            case _:
                # The message may quote a value; the code never does.
                sqlstate = getattr(error, "sqlstate", None) or "22000"
                _reject(rejected, DeadLetter(part[0], "refused_by_database", sqlstate))
        return None

    def _slow_down(self, part: Sequence[Record], rejected: dict[Record, DeadLetter]) -> int | None:
        self.slow_batches += 1
        if self._progress:
            self._progress.record_retry("batch_too_slow")
        if len(part) > 1:
            self._slow_attempts = 0
            return max(1, len(part) // SHRINKING_FACTOR)
        self._slow_attempts += 1
        if self._slow_attempts == LONE_DEATHS:
            self._slow_attempts = 0
            _reject(rejected, DeadLetter(part[0], "too_slow"))
        return None


def half(part: Sequence[Record]) -> int:
    return (len(part) + 1) // 2


def _reject(rejected: dict[Record, DeadLetter], dead_letter: DeadLetter) -> None:
    record = dead_letter.record
    if record in rejected:
        raise RuntimeError(f"{record.lane}@{record.offset} is refused as a dead letter, too")
    rejected[record] = dead_letter
