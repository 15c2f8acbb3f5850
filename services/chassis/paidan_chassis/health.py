"""Health as progress: how long since each loop last polled, worked and committed."""

from collections.abc import Callable
from dataclasses import dataclass

from paidan_chassis.metrics import Metrics


@dataclass(frozen=True, slots=True)
class LoopState:
    """What a loop's progress looks like now. ``stalled`` and ``unready`` say why, or nothing."""

    name: str
    poll_age_s: float
    commit_age_s: float
    behind: int
    retrying: str | None
    stalled: str | None
    unready: str | None


class Progress:
    """One loop's beats. The loop tells what it did; nothing here asks a server."""

    def polled(self) -> None:
        """Say that the loop asked for records and got an answer, an empty one included."""
        raise NotImplementedError

    def took(self, records: int) -> None:
        """Say that a batch is in hand."""
        raise NotImplementedError

    def committed(self) -> None:
        """Say that the batch in hand is committed."""
        raise NotImplementedError

    def retrying(self, fault: str) -> None:
        """Say that a transient fault keeps the batch in hand, and that the loop is alive and tries again."""
        raise NotImplementedError

    def behind(self, records: int) -> None:
        """Say how many records wait in the log: a loop that is behind, polls nothing and commits nothing is stuck."""
        raise NotImplementedError


class Health:
    """Every loop's progress, and what else a service waits for before it is ready."""

    def __init__(self, metrics: Metrics, *, stalls_after_s: float = 60.0) -> None:
        raise NotImplementedError

    def loop(self, name: str) -> Progress:
        """Register a loop; its first beat is due within the time in which a loop stalls."""
        raise NotImplementedError

    def needs(self, name: str, holds: Callable[[], bool]) -> None:
        """Make readiness depend on this, too. Asked on every ``/readyz``, so it must be cheap."""
        raise NotImplementedError

    def alive(self) -> bool:
        """Tell whether every loop makes progress (``/healthz``)."""
        raise NotImplementedError

    def ready(self) -> bool:
        """Tell whether the process can do its work now (``/readyz``)."""
        raise NotImplementedError

    async def watch(self) -> None:
        """Raise Stalled as soon as a loop has stopped making progress. The process's owner of last resort."""
        raise NotImplementedError
