"""The results of measurements, and the sizes of a run."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from math import ceil
from typing import Final, NamedTuple

from tests.bench.usage import Spent


@dataclass(frozen=True, slots=True, kw_only=True)
class Measurement:
    """The figures and CPU costs of one measurement."""

    cases: int
    seconds: float
    figures: dict[str, float]
    us_per_case: dict[str, float] = field(default_factory=dict)
    bytes_per_case: dict[str, float] = field(default_factory=dict)
    """On disk, by table, indexes included."""
    processors_used: float = 0.0
    """Cores used by the installation and the load."""
    processors_of_others: float = 0.0


class BenchSize(NamedTuple):
    """The size of a run: seconds of load, numbers of reports."""

    warm_s: float
    steady_s: float
    closed_s: float
    bulk: int
    connections: int = 64
    rounds: int = 3
    """Of two things that are compared by their CPU; the least costly round of each counts."""
    round_cases: int = 5_000
    stored_small: int = 10_000
    stored_large: int = 1_000_000
    """Cases in the database before the rounds on a small and on a large one."""
    read_model_originals: int = 3_000
    """Cases that the cockpit really read; the others of its read model are their copies."""
    visits: int = 20
    """Of each page, by each kind of person."""
    screens: int = 200
    """Overviews that are open at the same time."""
    pending_timers: int = 1_000_000
    firing_timers: int = 60_000
    """Due one a millisecond."""
    idle_s: float = 30
    """How long an idle dispatch is watched."""


FULL: Final = BenchSize(warm_s=4, steady_s=15, closed_s=15, bulk=50_000)
QUICK: Final = BenchSize(
    warm_s=1,
    steady_s=3,
    closed_s=3,
    bulk=6_000,
    rounds=2,
    round_cases=3_000,
    stored_small=4_000,
    stored_large=100_000,
    read_model_originals=1_000,
    visits=5,
    pending_timers=50_000,
    firing_timers=10_000,
    idle_s=5,
)


def make_measurement(cases: int, seconds: float, spent: Spent, **figures: float) -> Measurement:
    """Return a measurement; ``seconds`` is the time of the cases, which may be shorter than that of ``spent``."""
    cpu, storage = spent.cpu, spent.storage
    per_case = {
        "cpu_us_per_case": 1e6 * cpu.used_without_load / cases,
        "wal_bytes_per_case": storage.wal_bytes / cases,
        "disk_bytes_per_case": sum(storage.bytes_by_table.values()) / cases,
    }
    return Measurement(
        cases=cases,
        seconds=round(seconds, 3),
        figures={
            name: round(each, 3) for name, each in ({"cases_per_s": cases / seconds} | figures | per_case).items()
        },
        us_per_case=cpu.us_per_case(cases),
        bytes_per_case=storage.bytes_per_case(cases),
        processors_used=round(cpu.used / cpu.seconds, 2),
        processors_of_others=cpu.other_processors,
    )


def with_figures(measured: Measurement, **figures: float) -> Measurement:
    """Return the measurement with further figures."""
    return replace(measured, figures=measured.figures | {name: round(each, 3) for name, each in figures.items()})


def least_costly(rounds: Sequence[Measurement]) -> Measurement:
    """Return the round that used least CPU a case: the one that other processes disturbed least."""
    return min(rounds, key=lambda each: each.figures["cpu_us_per_case"])


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
