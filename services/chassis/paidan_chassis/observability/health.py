"""Health, judged by progress: how long ago each loop last polled, worked and committed."""

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Final, TypeAlias

from prometheus_client import Histogram

from paidan_chassis.errors import Stalled
from paidan_chassis.observability.metrics import Metrics

MonotonicClock: TypeAlias = Callable[[], float]
MetricsCollector: TypeAlias = Callable[[Metrics], None]
_FREEZE_THRESHOLD_S: Final = 5.0
_FAULT_HOLD_S: Final = 5.0


@dataclass(frozen=True, slots=True)
class LoopState:
    """The state of a loop at one moment. Every reason is None for a healthy loop; a halted one never stalls."""

    name: str
    poll_age_s: float
    commit_age_s: float
    lag_records: int
    retry_fault: str | None
    stall_reason: str | None
    halt_reason: str | None
    unready_reason: str | None


class LoopProgress:
    """The progress of one loop, as the loop reports it; no server is queried."""

    def __init__(
        self, name: str, metrics: Metrics, *, stalls_after_s: float, monotonic: MonotonicClock = time.monotonic
    ) -> None:
        self.name = name
        self._metrics = metrics
        self._collectors: list[MetricsCollector] = []
        self._stalls_after_s = stalls_after_s
        self._monotonic = monotonic
        self._last_activity = self._last_poll = self._last_commit = monotonic()
        self._has_polled = False
        self._lag_records = 0
        self._lag_since = 0.0
        self._fault: str | None = None
        self._last_failure = 0.0
        self._held: str | None = None
        self.halt_reason: str | None = None
        """Why the loop is halted; None unless it is."""

    def halt(self, reason: str) -> None:
        """Record that the loop is halted, until it reports progress again."""
        self.halt_reason, self._held = reason, None

    def hold(self, reason: str | None) -> None:
        """Record that a part of the loop's work is held while the rest goes on; None when nothing is."""
        self._held = reason

    def record_poll(self) -> None:
        """Record that a poll returned, with or without records."""
        self._last_activity = self._last_poll = self._monotonic()
        if self.halt_reason:
            self._resume()
        self._has_polled = True
        # Kafka may answer while PostgreSQL is down: readiness must not flicker between two attempts of a batch.
        if self._last_activity - self._last_failure > _FAULT_HOLD_S:
            self._fault = None

    def record_commit(self, *, records: int = 0, duration_s: float = 0.0, hop_s: float = 0.0) -> None:
        """Record that a batch is committed: its duration, and the time since its oldest record was appended."""
        self._last_activity = self._last_commit = self._lag_since = self._monotonic()
        self._fault = None
        if records:
            batch_records, batch_seconds, hop_seconds = self._batch_histograms
            batch_records.observe(records)
            batch_seconds.observe(duration_s)
            hop_seconds.observe(hop_s)

    @cached_property
    def _batch_histograms(self) -> tuple[Histogram, Histogram, Histogram]:
        # On first use, because a loop that commits no records has no such series.
        return (
            self._metrics.histogram("paidan_batch_records", loop=self.name),
            self._metrics.histogram("paidan_batch_seconds", loop=self.name),
            self._metrics.histogram("paidan_hop_seconds", loop=self.name),
        )

    def _resume(self) -> None:
        self.halt_reason = None
        self.reset()

    def on_collect(self, collector: MetricsCollector) -> None:
        """Register a function that is called once a second to update metrics from other state."""
        self._collectors.append(collector)

    def collect(self) -> None:
        """Call the registered collectors."""
        for collector in self._collectors:
            collector(self._metrics)

    def record_retry(self, fault: str) -> None:
        """Record that the loop retries a batch after a transient error."""
        self._last_activity = self._lag_since = self._last_failure = self._monotonic()
        self._fault = fault

    def set_lag(self, records: int) -> None:
        """Record the consumer lag: a loop that lags and commits nothing is stalled."""
        if records and not self._lag_records:
            self._lag_since = self._monotonic()
        self._lag_records = records

    def reset(self) -> None:
        """Restart the stall timers, after the whole process was frozen and no loop could run."""
        self._last_activity = self._lag_since = self._monotonic()

    def state(self) -> LoopState:
        """Return the loop's present state."""
        now = self._monotonic()
        return LoopState(
            self.name,
            poll_age_s=now - self._last_poll,
            commit_age_s=now - self._last_commit,
            lag_records=self._lag_records,
            retry_fault=self._fault,
            stall_reason=self._stall_reason(now),
            halt_reason=self.halt_reason,
            unready_reason=self._unready_reason(now),
        )

    def _stall_reason(self, now: float) -> str | None:
        if self.halt_reason:
            return None
        if now - self._last_activity > self._stalls_after_s:
            return f"no activity for {now - self._last_activity:.0f} s"
        # After a broker's restart a consumer may poll nothing for ever (aiokafka #1154).
        if self._lag_records and now - self._lag_since > self._stalls_after_s:
            return f"{self._lag_records} records wait and none was committed for {now - self._lag_since:.0f} s"
        return None

    def _unready_reason(self, now: float) -> str | None:
        if self.halt_reason:
            return f"halted: {self.halt_reason}"
        if not self._has_polled:
            return "has not polled yet"
        return self._fault or self._stall_reason(now) or self._held


class Health:
    """The health of a process: the progress of its loops, and its further readiness conditions."""

    def __init__(
        self,
        metrics: Metrics,
        *,
        stalls_after_s: float = 60.0,
        check_interval_s: float = 1.0,
        monotonic: MonotonicClock = time.monotonic,
        instance: str = "",
    ) -> None:
        self.instance = instance
        self._metrics = metrics
        self._check_interval_s = check_interval_s
        self._monotonic = monotonic
        self._stalls_after_s = stalls_after_s
        self._loops: list[LoopProgress] = []
        self._requirements: dict[str, Callable[[], bool]] = {}

    def register_loop(self, name: str) -> LoopProgress:
        """Register a loop; it stalls unless it reports progress in time."""
        progress = LoopProgress(name, self._metrics, stalls_after_s=self._stalls_after_s, monotonic=self._monotonic)
        self._loops.append(progress)
        return progress

    def halt_loop(self, name: str, reason: str) -> bool:
        """Record that a loop is halted; return whether that is news."""
        progress = next((each for each in self._loops if each.name == name), None) or self.register_loop(name)
        is_news = progress.halt_reason != reason
        progress.halt(reason)
        return is_news

    def disable_loops(self) -> None:
        """Remove all loops: this process runs the edge alone."""
        self._loops.clear()

    def require(self, name: str, is_met: Callable[[], bool]) -> None:
        """Add a readiness condition. It is called on every ``/readyz``, so it must be cheap."""
        self._requirements[name] = is_met

    def states(self) -> list[LoopState]:
        """Return the state of every loop."""
        return [each.state() for each in self._loops]

    def halted_loops(self) -> dict[str, str]:
        """Return the halted loops, with the reasons."""
        return {each.name: each.halt_reason for each in self._loops if each.halt_reason}

    def is_alive(self) -> bool:
        """Return whether every loop makes progress or is halted (``/healthz``): a halted loop is not a dead process."""
        return not any(each.stall_reason for each in self.states())

    def unready_reasons(self) -> dict[str, str]:
        """Return what is not ready, with the reasons (``/readyz``)."""
        loops = {each.name: each.unready_reason for each in self.states() if each.unready_reason}
        return loops | {name: "not yet" for name, is_met in self._requirements.items() if not is_met()}

    async def watch_loops(self) -> None:
        """Raise Stalled as soon as a loop makes no progress, which ends the process."""
        checked_at = self._monotonic()
        while True:
            await asyncio.sleep(self._check_interval_s)
            if self._monotonic() - checked_at > _FREEZE_THRESHOLD_S:
                for loop in self._loops:
                    loop.reset()
            checked_at = self._monotonic()
            self._check_loops()

    def _check_loops(self) -> None:
        for loop in self._loops:
            loop.collect()
        for state in self.states():
            self._metrics.set_gauge("paidan_poll_age_seconds", state.poll_age_s, loop=state.name)
            self._metrics.set_gauge("paidan_commit_age_seconds", state.commit_age_s, loop=state.name)
            self._metrics.set_gauge("paidan_loop_halted", 1 if state.halt_reason else 0, loop=state.name)
            if state.stall_reason:
                raise Stalled(state.name, state.stall_reason)
