"""Health as progress: how long since each loop last polled, worked and committed."""

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, TypeAlias

from paidan_chassis.errors import Stalled
from paidan_chassis.observability.metrics import Metrics

Ticks: TypeAlias = Callable[[], float]
Look: TypeAlias = Callable[[Metrics], None]
_FROZEN_S: Final = 5.0
_FAULT_HOLDS_S: Final = 5.0


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

    def __init__(self, name: str, metrics: Metrics, *, stalls_after_s: float, ticks: Ticks = time.monotonic) -> None:
        self.name = name
        self._metrics = metrics
        self._looks: list[Look] = []
        self._stalls_after_s = stalls_after_s
        self._ticks = ticks
        self._beat = self._polled = self._committed = ticks()
        self._has_polled = False
        self._behind = 0
        self._behind_since = 0.0
        self._fault: str | None = None
        self._failed = 0.0

    def polled(self) -> None:
        """Say that the loop asked for records and got an answer, an empty one included."""
        self._beat = self._polled = self._ticks()
        self._has_polled = True
        # Kafka may answer while PostgreSQL is away: readiness must not flicker between two tries of a batch.
        if self._beat - self._failed > _FAULT_HOLDS_S:
            self._fault = None

    def took(self, records: int) -> None:
        """Say that a batch is in hand."""
        if records:
            self._beat = self._ticks()

    def committed(self, *, records: int = 0, took_s: float = 0.0, hop_s: float = 0.0) -> None:
        """Say that the batch in hand is committed: how long it took, and since its oldest record was appended."""
        self._beat = self._committed = self._behind_since = self._ticks()
        self._fault = None
        if records:
            self._metrics.observe("paidan_batch_records", records, loop=self.name)
            self._metrics.observe("paidan_batch_seconds", took_s, loop=self.name)
            self._metrics.observe("paidan_hop_seconds", hop_s, loop=self.name)

    def shows(self, look: Look) -> None:
        """Call this once a second with the process's metrics, to copy figures that are kept elsewhere."""
        self._looks.append(look)

    def look(self) -> None:
        """Bring the metrics up to date."""
        for each in self._looks:
            each(self._metrics)

    def retrying(self, fault: str) -> None:
        """Say that a transient fault keeps the batch in hand, and that the loop is alive and tries again."""
        self._beat = self._behind_since = self._failed = self._ticks()
        self._fault = fault

    def behind(self, records: int) -> None:
        """Say how many records wait in the log: a loop that is behind, polls nothing and commits nothing is stuck."""
        if records and not self._behind:
            self._behind_since = self._ticks()
        self._behind = records

    def excuse(self) -> None:
        """Start counting anew: the whole process was frozen, so no loop could have done anything."""
        self._beat = self._behind_since = self._ticks()

    def state(self) -> LoopState:
        """Judge the loop as it stands now."""
        now = self._ticks()
        return LoopState(
            self.name,
            poll_age_s=now - self._polled,
            commit_age_s=now - self._committed,
            behind=self._behind,
            retrying=self._fault,
            stalled=self._stalled(now),
            unready=self._unready(now),
        )

    def _stalled(self, now: float) -> str | None:
        if now - self._beat > self._stalls_after_s:
            return f"no sign of life for {now - self._beat:.0f} s"
        # A consumer can go on polling nothing for ever after a broker's restart (aiokafka #1154).
        if self._behind and now - self._behind_since > self._stalls_after_s:
            return f"{self._behind} records wait and none is committed for {now - self._behind_since:.0f} s"
        return None

    def _unready(self, now: float) -> str | None:
        if not self._has_polled:
            return "has not polled yet"
        return self._fault or self._stalled(now)


class Health:
    """Every loop's progress, and what else a service waits for before it is ready."""

    def __init__(
        self,
        metrics: Metrics,
        *,
        stalls_after_s: float = 60.0,
        looks_every_s: float = 1.0,
        ticks: Ticks = time.monotonic,
        instance: str = "",
    ) -> None:
        self.instance = instance
        self._metrics = metrics
        self._looks_every_s = looks_every_s
        self._ticks = ticks
        self._stalls_after_s = stalls_after_s
        self._loops: list[Progress] = []
        self._needs: dict[str, Callable[[], bool]] = {}

    def loop(self, name: str) -> Progress:
        """Register a loop; its first beat is due within the time in which a loop stalls."""
        progress = Progress(name, self._metrics, stalls_after_s=self._stalls_after_s, ticks=self._ticks)
        self._loops.append(progress)
        return progress

    def forget_loops(self) -> None:
        """Judge no loop: this process was told to be an edge alone."""
        self._loops.clear()

    def needs(self, name: str, holds: Callable[[], bool]) -> None:
        """Make readiness depend on this, too. Asked on every ``/readyz``, so it must be cheap."""
        self._needs[name] = holds

    def states(self) -> list[LoopState]:
        """Judge every loop."""
        return [each.state() for each in self._loops]

    def alive(self) -> bool:
        """Tell whether every loop makes progress (``/healthz``)."""
        return not any(each.stalled for each in self.states())

    def unready(self) -> dict[str, str]:
        """Name what keeps the process from doing its work now, and why (``/readyz``)."""
        loops = {each.name: each.unready for each in self.states() if each.unready}
        return loops | {name: "not yet" for name, holds in self._needs.items() if not holds()}

    async def watch(self) -> None:
        """Raise Stalled as soon as a loop has stopped making progress. The process's owner of last resort."""
        looked = self._ticks()
        while True:
            await asyncio.sleep(self._looks_every_s)
            if self._ticks() - looked > _FROZEN_S:
                for loop in self._loops:
                    loop.excuse()
            looked = self._ticks()
            self._look()

    def _look(self) -> None:
        for loop in self._loops:
            loop.look()
        for state in self.states():
            self._metrics.put("paidan_poll_age_seconds", state.poll_age_s, loop=state.name)
            self._metrics.put("paidan_commit_age_seconds", state.commit_age_s, loop=state.name)
            if state.stalled:
                raise Stalled(state.name, state.stalled)
