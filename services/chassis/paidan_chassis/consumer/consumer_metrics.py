"""A consumer's figures as metrics, once a second: nothing is counted twice, no lane leaves its figures behind."""

from collections.abc import Callable
from typing import Final

from paidan_chassis.consumer.config import ConsumerFigures
from paidan_chassis.consumer.records import Lane
from paidan_chassis.observability.metrics import Counter, Metrics

_COUNTED: Final[dict[str, Counter]] = {
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


class Shown:
    """Copies one consumer's figures. Give it to ``Progress.shows``."""

    def __init__(self, loop: str, figures: Callable[[], ConsumerFigures]) -> None:
        self._loop = loop
        self._figures = figures
        self._counted = dict.fromkeys(_COUNTED, 0)
        self._lanes: set[Lane] = set()

    def __call__(self, metrics: Metrics) -> None:
        figures = self._figures()
        for name, metric in _COUNTED.items():
            count: int = getattr(figures, name)
            metrics.count(metric, count - self._counted[name], loop=self._loop)
            self._counted[name] = count
        for lane, each in figures.lanes.items():
            labels = {"loop": self._loop, "lane": str(lane)}
            metrics.put("paidan_lane_lag_records", each.lag_records, **labels)
            metrics.put("paidan_lane_lag_seconds", each.lag_s, **labels)
            metrics.put("paidan_lane_outbox_waiting", each.outbox_backlog, **labels)
        self._drop(metrics, self._lanes - figures.lanes.keys())
        self._lanes = set(figures.lanes)

    def _drop(self, metrics: Metrics, gone: set[Lane]) -> None:
        for lane in gone:
            metrics.drop("paidan_lane_lag_records", loop=self._loop, lane=str(lane))
            metrics.drop("paidan_lane_lag_seconds", loop=self._loop, lane=str(lane))
            metrics.drop("paidan_lane_outbox_waiting", loop=self._loop, lane=str(lane))
