"""The Prometheus metrics of a service. The names are a closed list: only these can be written."""

from collections.abc import Mapping
from typing import Final, Literal, TypeAlias

import prometheus_client as prometheus

Counter: TypeAlias = prometheus.Counter

CounterName = Literal[
    "paidan_records_total",
    "paidan_batches_total",
    "paidan_outcomes_total",
    "paidan_dead_letters_total",
    "paidan_relayed_total",
    "paidan_retries_total",
    "paidan_fenced_total",
    "paidan_producer_rebuilds_total",
    "paidan_gaps_total",
    "paidan_rebalances_total",
    "paidan_sessions_terminated_total",
    "paidan_requests_total",
    "paidan_vault_requests_total",
]
GaugeName = Literal[
    "paidan_lane_lag_records",
    "paidan_lane_lag_seconds",
    "paidan_lane_outbox_waiting",
    "paidan_poll_age_seconds",
    "paidan_commit_age_seconds",
    "paidan_loop_halted",
    "paidan_dead_letters_waiting",
    "paidan_sender_set_aside_records",
    "paidan_cases_open",
    "paidan_cases_overdue",
    "paidan_cases_held",
    "paidan_cases_uncalled",
    "paidan_source_silent_seconds",
    "paidan_source_silence_limit_seconds",
    "paidan_conservation_check_age_seconds",
    "paidan_conservation_check_holds",
]
HistogramName = Literal[
    "paidan_batch_seconds",
    "paidan_batch_records",
    "paidan_hop_seconds",
    "paidan_request_seconds",
]

# Each metric's help text, which /metrics shows, and its labels besides ``service``.
COUNTERS: Final[Mapping[CounterName, tuple[str, ...]]] = {
    "paidan_records_total": ("Records applied, in committed batches only.", "loop"),
    "paidan_batches_total": ("Batches committed.", "loop"),
    "paidan_outcomes_total": ("Records by their outcome, under the service's own names.", "outcome"),
    "paidan_dead_letters_total": ("Records that can never be applied, kept or counted, since the first start.", "loop"),
    "paidan_relayed_total": ("Messages that Kafka has acknowledged.", "loop"),
    "paidan_retries_total": ("Batches rolled back and tried again.", "loop"),
    "paidan_fenced_total": ("Times another owner was found to have moved a lane.", "loop"),
    "paidan_producer_rebuilds_total": ("Producers replaced after a fault.", "loop"),
    "paidan_gaps_total": ("Times records were missing from a log or a relayed stream.", "loop"),
    "paidan_rebalances_total": ("Rebalances of the consumer group.", "loop"),
    "paidan_sessions_terminated_total": ("Sessions of frozen owners ended because they held a lane.", "loop"),
    "paidan_requests_total": ("Requests answered, by the route's template.", "route", "status"),
    "paidan_vault_requests_total": ("Requests for personal data, by what was done or why not.", "outcome"),
}
GAUGES: Final[Mapping[GaugeName, tuple[str, ...]]] = {
    "paidan_lane_lag_records": ("Records between a lane's position and its log's end.", "loop", "lane"),
    "paidan_lane_lag_seconds": ("How long a lane is behind; 0 when nothing waits.", "loop", "lane"),
    "paidan_lane_outbox_waiting": ("Messages committed and not yet acknowledged by Kafka.", "loop", "lane"),
    "paidan_poll_age_seconds": ("Since the loop last got an answer from Kafka.", "loop"),
    "paidan_commit_age_seconds": ("Since the loop last committed work.", "loop"),
    "paidan_loop_halted": ("1 while the loop is halted, until an operator resumes it; else 0.", "loop"),
    "paidan_dead_letters_waiting": ("Dead letters that were neither redriven nor dropped, of all processes.", "loop"),
    "paidan_sender_set_aside_records": (
        "Records of this hour that are only counted: their sender is beyond its limit of dead letters.",
        "loop",
        "sender",
    ),
    "paidan_cases_open": ("Cases that have not ended. Each process counts all of them.", "city"),
    "paidan_cases_overdue": ("Open cases whose running time limit has passed.", "city"),
    "paidan_cases_held": ("Cases that wait for an operator at the hard-to-place desk.", "city"),
    "paidan_cases_uncalled": ("Closed cases whose reporter is still to be called back.", "city"),
    "paidan_source_silent_seconds": (
        "City time since a source's last report, for sources with a limit.",
        "city",
        "source",
    ),
    "paidan_source_silence_limit_seconds": (
        "How long a source may be silent, as the city's pack says.",
        "city",
        "source",
    ),
    "paidan_conservation_check_age_seconds": ("Since the last conservation check began.",),
    "paidan_conservation_check_holds": ("1 if all of the last conservation check holds, else 0.",),
}
_LATENCY_BUCKETS_S: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
_COUNT_BUCKETS: Final = (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000)
HISTOGRAMS: Final[Mapping[HistogramName, tuple[tuple[float, ...], tuple[str, ...]]]] = {
    "paidan_batch_seconds": (_LATENCY_BUCKETS_S, ("From taking a batch to its commit.", "loop")),
    "paidan_batch_records": (_COUNT_BUCKETS, ("Records in a batch.", "loop")),
    "paidan_hop_seconds": (
        _LATENCY_BUCKETS_S,
        ("From a record's append to its commit here; a batch's slowest.", "loop"),
    ),
    "paidan_request_seconds": (_LATENCY_BUCKETS_S, ("From a request's head to the end of its answer.", "route")),
}


prometheus.disable_created_metrics()  # type: ignore[no-untyped-call] # an unused series for each metric


class Metrics:
    """The metrics of one process, each with the label ``service``. Update them once a batch, not once a record."""

    def __init__(self, service: str) -> None:
        self.service = service
        self.registry = prometheus.CollectorRegistry()
        self._counters = {
            name: prometheus.Counter(name, help_text, ["service", *labels], registry=self.registry)
            for name, (help_text, *labels) in COUNTERS.items()
        }
        self._gauges = {
            name: prometheus.Gauge(name, help_text, ["service", *labels], registry=self.registry)
            for name, (help_text, *labels) in GAUGES.items()
        }
        self._histograms = {
            name: prometheus.Histogram(name, help_text, ["service", *labels], registry=self.registry, buckets=buckets)
            for name, (buckets, (help_text, *labels)) in HISTOGRAMS.items()
        }
        prometheus.ProcessCollector(registry=self.registry)

    def count(self, name: CounterName, amount: float = 1, **labels: str) -> None:
        """Add to a counter."""
        self.counter(name, **labels).inc(amount)

    def request_metrics(self, route: str, status: int) -> tuple[prometheus.Counter, prometheus.Histogram]:
        """Return the counter and histogram of a route, to be cached: a look-up costs more than an update."""
        labels = {"service": self.service, "route": route}
        counter = self._counters["paidan_requests_total"].labels(status=str(status), **labels)
        return counter, self._histograms["paidan_request_seconds"].labels(**labels)

    def set_gauge(self, name: GaugeName, value: float, **labels: str) -> None:
        """Set a gauge."""
        self._gauges[name].labels(service=self.service, **labels).set(value)

    def remove_gauge(self, name: GaugeName, **labels: str) -> None:
        """Remove a gauge with these labels, such as that of a partition that was revoked."""
        self._gauges[name].remove_by_labels({"service": self.service, **labels})

    def counter(self, name: CounterName, **labels: str) -> Counter:
        """Return the counter with these labels, to be cached: a look-up costs more than an update."""
        return self._counters[name].labels(service=self.service, **labels)

    def histogram(self, name: HistogramName, **labels: str) -> prometheus.Histogram:
        """Return the histogram with these labels, to be cached: a look-up costs more than an update."""
        return self._histograms[name].labels(service=self.service, **labels)

    def render(self) -> bytes:
        """Return the text of ``/metrics``."""
        return prometheus.generate_latest(self.registry)
