"""A consumer's figures as metrics, once a second: nothing is counted twice, no lane leaves its figures behind."""

from collections.abc import Callable
from typing import Final

from paidan_chassis.consumer.config import ConsumerMetrics
from paidan_chassis.consumer.records import Lane
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


class ConsumerCollector:
    """Copies one consumer's figures. Give it to ``Progress.shows``."""

    def __init__(self, loop: str, read_metrics: Callable[[], ConsumerMetrics]) -> None:
        self._loop = loop
        self._read_metrics = read_metrics
        self._last_counts = dict.fromkeys(_COUNTER_NAMES, 0)
        self._lanes: set[Lane] = set()

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

    def _remove_lanes(self, metrics: Metrics, removed: set[Lane]) -> None:
        for lane in removed:
            metrics.remove_gauge("paidan_lane_lag_records", loop=self._loop, lane=str(lane))
            metrics.remove_gauge("paidan_lane_lag_seconds", loop=self._loop, lane=str(lane))
            metrics.remove_gauge("paidan_lane_outbox_waiting", loop=self._loop, lane=str(lane))
