"""The results of measurements, and the goals."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from math import ceil
from typing import Final, NamedTuple

from tests.bench.cpu import CpuSpent


@dataclass(frozen=True, slots=True, kw_only=True)
class Measurement:
    """The figures and CPU costs of one measurement."""

    cases: int
    seconds: float
    figures: dict[str, float]
    us_per_case: dict[str, float] = field(default_factory=dict)
    processors_used: float = 0.0
    """Cores used by the installation and the load."""
    processors_of_others: float = 0.0


class BenchSize(NamedTuple):
    """The size of a run: seconds of load, number of reports in bulk."""

    warm_s: float
    steady_s: float
    closed_s: float
    bulk: int
    connections: int = 64


class Goal(NamedTuple):
    """A line of the table; without a goal its figure is only printed."""

    case: str
    figure: str
    label: str
    unit: str
    goal: float | None = None
    at_most: bool = False

    def met(self, measured: float) -> bool:
        """Return whether the goal is reached."""
        return self.goal is None or (measured <= self.goal if self.at_most else measured >= self.goal)


FULL: Final = BenchSize(warm_s=4, steady_s=15, closed_s=15, bulk=50_000)
QUICK: Final = BenchSize(warm_s=1, steady_s=3, closed_s=3, bulk=6_000)
GOALS: Final = (
    Goal("http", "cases_per_s", "HTTP to score, at most", "/s", 3_500),
    Goal("http", "answers_p50_ms", "  its 202, p50", "ms"),
    Goal("http", "answers_p99_ms", "  its 202, p99", "ms"),
    Goal("http_1000", "score_p50_ms", "at 1,000/s to score, p50", "ms", 30, at_most=True),
    Goal("http_1000", "score_p99_ms", "at 1,000/s to score, p99", "ms", 100, at_most=True),
    Goal("http_1000", "answers_p50_ms", "  its 202, p50", "ms"),
    Goal("http_1000", "answers_p99_ms", "  its 202, p99", "ms"),
    Goal("http_200", "score_p50_ms", "at 200/s to score, p50", "ms"),
    Goal("http_200", "score_p99_ms", "at 200/s to score, p99", "ms"),
    Goal("http_200", "answers_p50_ms", "  its 202, p50", "ms"),
    Goal("http_200", "answers_p99_ms", "  its 202, p99", "ms"),
    Goal("bulk", "cases_per_s", "bulk from Kafka to score", "/s", 8_000),
    Goal("bulk_all", "cases_per_s", "  while intake follows", "/s"),
    Goal("drain", "cases_per_s", "dispatch alone, a backlog", "/s", 9_000),
    Goal("drain", "of_bare", "  of the bare loop", "", 0.4),
    Goal("rebuild", "cases_per_s", "scoring rebuilt, cases", "/s", 25_000),
    Goal("rebuild", "records_per_s", "  in records of the log", "/s"),
    Goal("bare", "cases_per_s", "bare loop", "/s"),
    Goal("bare_batched", "cases_per_s", "  with COPY and batches", "/s"),
)


def make_measurement(cases: int, seconds: float, cpu: CpuSpent, **figures: float) -> Measurement:
    """Return a measurement; ``seconds`` is the time of the cases, which may be shorter than that of ``cpu``."""
    used = sum(each for name, each in cpu.by_process.items() if not name.startswith("PostgreSQL for "))
    return Measurement(
        cases=cases,
        seconds=round(seconds, 3),
        figures={"cases_per_s": round(cases / seconds, 1)} | {name: round(each, 3) for name, each in figures.items()},
        us_per_case=cpu.us_per_case(cases),
        processors_used=round(used / cpu.seconds, 2),
        processors_of_others=cpu.other_processors,
    )


def percentile(sorted_values: Sequence[float], share: float) -> float:
    """Return the value that this share of all values does not exceed."""
    return sorted_values[max(ceil(share * len(sorted_values)) - 1, 0)]


def latencies(name: str, seconds: Sequence[float]) -> dict[str, float]:
    """Return p50, p99 and maximum in milliseconds."""
    values = sorted(seconds)
    return {
        f"{name}_p50_ms": 1e3 * percentile(values, 0.5),
        f"{name}_p99_ms": 1e3 * percentile(values, 0.99),
        f"{name}_max_ms": 1e3 * values[-1],
    }
