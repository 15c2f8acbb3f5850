"""A consumer's metrics, and their collector for Prometheus."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Final

from paidan_chassis.consumer.batch import Lane
from paidan_chassis.consumer.dead_letter_counts import Counts
from paidan_chassis.observability.metrics import CounterName, Metrics

_COUNTER_NAMES: Final[dict[str, CounterName]] = {
    "records": "paidan_records_total",
    "batches": "paidan_batches_total",
    "relayed": "paidan_relayed_total",
    "dead_letters": "paidan_dead_letters_total",
    "rebuilds": "paidan_producer_rebuilds_total",
    "retries": "paidan_retries_total",
    "fenced": "paidan_fenced_total",
    "terminated": "paidan_sessions_terminated_total",
    "gaps": "paidan_gaps_total",
    "rebalances": "paidan_rebalances_total",
}


@dataclass(frozen=True, slots=True)
class LaneMetrics:
    """One lane's position, lag and backlog."""

    next_offset: int = 0
    lag_records: int = 0
    lag_s: float = 0.0
    """While there is any lag: how long ago the broker appended the newest record applied; else 0."""
    outbox_backlog: int = 0
    """Messages stored and not yet acknowledged by Kafka."""
    has_caught_up: bool = False


@dataclass(slots=True)
class ConsumerMetrics:
    """One consumer's counts since it started, and its lanes now."""

    lanes: Mapping[Lane, LaneMetrics] = field(default_factory=dict)
    batches: int = 0
    records: int = 0
    relayed: int = 0
    dead_letters: int = 0
    rebuilds: int = 0
    """Producers replaced."""
    retries: int = 0
    """Batches rolled back and tried again."""
    fenced: int = 0
    """Times another owner was found to have moved a lane."""
    terminated: int = 0
    """Sessions of other owners terminated because they held a lane's row and did nothing."""
    gaps: int = 0
    """Times records were missing from the log for good."""
    rebalances: int = 0
    dead_letter_counts: Counts | None = None
    """As of the last look into the database; None before the first one."""

    def plus(self, later: "ConsumerMetrics") -> "ConsumerMetrics":
        """Return the metrics of two runs, one after the other: counts added, lanes as they are now."""
        added = {name: getattr(self, name) + getattr(later, name) for name in _COUNTER_NAMES}
        return replace(later, **added, dead_letter_counts=later.dead_letter_counts or self.dead_letter_counts)


class ConsumerCollector:
    """A collector of one consumer's metrics, for ``LoopProgress.on_collect``."""

    def __init__(self, loop: str, read_metrics: Callable[[], ConsumerMetrics]) -> None:
        self._loop = loop
        self._read_metrics = read_metrics
        self._last_counts = dict.fromkeys(_COUNTER_NAMES, 0)
        self._lanes: set[Lane] = set()
        self._senders: set[str] = set()
        self._has_base = False

    def __call__(self, metrics: Metrics) -> None:
        current = self._read_metrics()
        for field_name, counter_name in _COUNTER_NAMES.items():
            count: int = getattr(current, field_name)
            metrics.count(counter_name, count - self._last_counts[field_name], loop=self._loop)
            self._last_counts[field_name] = count
        for lane, lane_metrics in current.lanes.items():
            labels = {"loop": self._loop, "lane": str(lane)}
            metrics.set_gauge("paidan_lane_lag_records", lane_metrics.lag_records, **labels)
            metrics.set_gauge("paidan_lane_lag_seconds", lane_metrics.lag_s, **labels)
            metrics.set_gauge("paidan_lane_outbox_waiting", lane_metrics.outbox_backlog, **labels)
        self._remove_lanes(metrics, self._lanes - current.lanes.keys())
        self._lanes = set(current.lanes)
        if current.dead_letter_counts:
            self._collect_dead_letters(metrics, current.dead_letter_counts, since_start=current.dead_letters)

    def _collect_dead_letters(self, metrics: Metrics, counts: Counts, *, since_start: int) -> None:
        if not self._has_base:
            # The counter goes on where the last process's ended.
            metrics.count("paidan_dead_letters_total", max(0, counts.total - since_start), loop=self._loop)
            self._has_base = True
        metrics.set_gauge("paidan_dead_letters_waiting", counts.waiting, loop=self._loop)
        for sender, counted in counts.set_aside.items():
            metrics.set_gauge("paidan_sender_set_aside_records", counted, loop=self._loop, sender=sender)
        for sender in self._senders - counts.set_aside.keys():
            metrics.remove_gauge("paidan_sender_set_aside_records", loop=self._loop, sender=sender)
        self._senders = set(counts.set_aside)

    def _remove_lanes(self, metrics: Metrics, removed: set[Lane]) -> None:
        for lane in removed:
            metrics.remove_gauge("paidan_lane_lag_records", loop=self._loop, lane=str(lane))
            metrics.remove_gauge("paidan_lane_lag_seconds", loop=self._loop, lane=str(lane))
            metrics.remove_gauge("paidan_lane_outbox_waiting", loop=self._loop, lane=str(lane))
