"""CPU time used by services, servers, the load and the machine's other processes."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from time import monotonic
from typing import Any, Final

import asyncpg
import psutil

DRIVER: Final = "driver"
"""This process, which watches positions and appends the bulk records to Kafka."""
DRIVER_SESSIONS: Final = "driver's PostgreSQL sessions"
"""What PostgreSQL spends on telling this process positions, every few milliseconds."""
DRIVER_APPLICATION: Final = "paidan-bench"
LOAD: Final = ("generator", DRIVER, DRIVER_SESSIONS)
_BY_SERVICE: Final = "PostgreSQL for "


@dataclass(frozen=True, slots=True)
class CpuUsage:
    """Seconds of CPU time used up to one moment."""

    at: float
    by_process: Mapping[str, float]
    machine_total: float
    """All processors, all processes."""


@dataclass(frozen=True, slots=True)
class CpuSpent:
    """CPU time used between two moments."""

    seconds: float
    by_process: Mapping[str, float]
    other_processors: float
    """Cores that other processes used meanwhile: how disturbed the measurement is."""

    def us_per_case(self, cases: int) -> dict[str, float]:
        """Return microseconds a case, by process."""
        return {name: round(1e6 * used / cases, 1) for name, used in self.by_process.items()} if cases else {}

    @property
    def used(self) -> float:
        """Return seconds used by services, servers and load."""
        return sum(used for name, used in self.by_process.items() if not name.startswith(_BY_SERVICE))

    @property
    def used_without_load(self) -> float:
        """Return seconds used by services and servers: what an installation would use, too."""
        return self.used - sum(self.by_process.get(name, 0.0) for name in LOAD)


def cpu_spent(before: CpuUsage, after: CpuUsage, **ended_processes: float) -> CpuSpent:
    """Return what was used between; ``ended_processes`` is what processes reported that have exited since."""
    seconds = after.at - before.at
    by_process = {
        name: used - before.by_process.get(name, 0.0) for name, used in after.by_process.items()
    } | ended_processes
    servers = (used for name, used in by_process.items() if not name.startswith(_BY_SERVICE))
    others = (after.machine_total - before.machine_total - sum(servers)) / seconds
    return CpuSpent(seconds, {name: used for name, used in by_process.items() if used > 0}, round(max(others, 0.0), 2))


async def cpu_usage(pids: Mapping[str, int], conn: "asyncpg.Connection[Any]") -> CpuUsage:
    """Return what each process and its children have used so far; PostgreSQL's share also by service.

    The driver's own sessions are told apart: they must live from the first reading to the last.
    """
    backends = await conn.fetch("SELECT pid, usename FROM pg_stat_activity WHERE usename LIKE 'paidan%'")
    own = await conn.fetch("SELECT pid FROM pg_stat_activity WHERE application_name = $1", DRIVER_APPLICATION)
    own_seconds = sum(_cpu_seconds(backend["pid"]) for backend in own)
    by_process = {name: _cpu_seconds_with_children(pid) for name, pid in pids.items()}
    by_process["PostgreSQL"] -= own_seconds
    by_process[DRIVER_SESSIONS] = own_seconds
    for backend in backends:
        name = f"{_BY_SERVICE}{backend['usename'].removeprefix('paidan_')}"
        by_process[name] = by_process.get(name, 0.0) + _cpu_seconds(backend["pid"])
    machine = psutil.cpu_times()
    idle = machine.idle + machine.iowait + machine.guest + machine.guest_nice
    return CpuUsage(monotonic(), by_process | {DRIVER: _cpu_seconds(os.getpid())}, sum(machine) - idle)


def _cpu_seconds(pid: int) -> float:
    try:
        times = psutil.Process(pid).cpu_times()
    except psutil.NoSuchProcess:
        return 0.0
    return float(times.user + times.system)


def _cpu_seconds_with_children(pid: int) -> float:
    try:
        parent = psutil.Process(pid)
        times = parent.cpu_times()
        running = [pid, *(child.pid for child in parent.children(recursive=True))]
    except psutil.NoSuchProcess:
        return 0.0
    return sum(map(_cpu_seconds, running)) + float(times.children_user + times.children_system)
