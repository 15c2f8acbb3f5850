"""What a service counts. Names are closed: a metric that nobody has named here cannot be written."""

from typing import Literal

from prometheus_client import CollectorRegistry

Counter = Literal[
    # Records taken from a topic, committed batches only. Labels: topic.
    "paidan_records_total",
    # Committed batches. Labels: topic.
    "paidan_batches_total",
    # What became of records, by the service's own word (opened, merged, refused...). Labels: outcome.
    "paidan_outcomes_total",
    # Records that went to the dead letters. Labels: topic, reason.
    "paidan_dead_letters_total",
    # Messages the relay got acknowledged. Labels: topic.
    "paidan_relayed_total",
    # Batches done again after a transient fault. Labels: loop, fault.
    "paidan_retries_total",
    # Batches thrown away because another owner had moved the position. Labels: topic.
    "paidan_fenced_total",
    # Producers built anew after a fault. Labels: none.
    "paidan_producer_rebuilds_total",
    # Gaps seen in a relayed stream. Labels: topic.
    "paidan_gaps_total",
    # Rebalances lived through. Labels: topic.
    "paidan_rebalances_total",
    # Requests answered. Labels: route, status.
    "paidan_requests_total",
]
Gauge = Literal[
    # Records between the lane's position and the log's end. Labels: topic, partition.
    "paidan_lane_lag_records",
    # Age of the oldest record that waits in the lane; 0 when none does. Labels: topic, partition.
    "paidan_lane_lag_seconds",
    # Numbered messages committed and not yet acknowledged by the broker. Labels: lane.
    "paidan_outbox_waiting",
    # Seconds since the loop last polled. Labels: loop.
    "paidan_poll_age_seconds",
    # Seconds since the loop last committed work. Labels: loop.
    "paidan_commit_age_seconds",
    # 1 while the service is halted. Labels: none.
    "paidan_halted",
    # Lanes this process owns. Labels: topic.
    "paidan_lanes_owned",
    # Connections of the pool, by state (idle, used). Labels: state.
    "paidan_pool_connections",
]
Histogram = Literal[
    # From taking a batch to its commit. Labels: topic.
    "paidan_batch_seconds",
    # Records in a batch. Labels: topic.
    "paidan_batch_records",
    # From a record's append to its commit here, the slowest of each batch. Labels: topic.
    "paidan_hop_seconds",
    # From commit to acknowledgement of a batch's messages. Labels: none.
    "paidan_relay_seconds",
    # From the first byte of a request to the end of its answer. Labels: route.
    "paidan_request_seconds",
]


class Metrics:
    """The counters of one process, each with ``service`` bound. Update once a batch, not once a record."""

    def __init__(self, service: str) -> None:
        self.service = service
        self.registry = CollectorRegistry()

    def count(self, name: Counter, amount: float = 1, **labels: str) -> None:
        """Add to a counter."""
        raise NotImplementedError

    def put(self, name: Gauge, value: float, **labels: str) -> None:
        """Set a gauge."""
        raise NotImplementedError

    def drop(self, name: Gauge, **labels: str) -> None:
        """Forget a gauge's row: a lane that this process no longer owns must not keep its last figure."""
        raise NotImplementedError

    def observe(self, name: Histogram, value: float, **labels: str) -> None:
        """Add a measurement."""
        raise NotImplementedError

    def page(self) -> bytes:
        """Write what ``/metrics`` answers."""
        raise NotImplementedError
