"""Who has used how much of the processors: services, servers, what drives them, and everybody else on the machine."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from time import monotonic

import asyncpg
import psutil

DRIVER = "driver"
"""This process: it watches, and appends what is taken from Kafka in bulk."""


@dataclass(frozen=True, slots=True)
class CpuUsage:
    """Seconds of processor time at one moment."""

    at: float
    by_process: Mapping[str, float]
    machine_total: float
    """All processors, all processes."""


@dataclass(frozen=True, slots=True)
class CpuSpent:
    """What was used between two moments."""

    seconds: float
    by_process: Mapping[str, float]
    other_processors: float
    """Whole processors that others on the machine used meanwhile: how disturbed the measurement is."""

    def us_per_case(self, cases: int) -> dict[str, float]:
        """Tell microseconds a case, by process."""
        return {name: round(1e6 * used / cases, 1) for name, used in self.by_process.items()} if cases else {}


def cpu_spent(before: CpuUsage, after: CpuUsage, **ended_processes: float) -> CpuSpent:
    """Tell what was used between; ``more`` is what processes that have ended say of themselves."""
    seconds = after.at - before.at
    by_process = {
        name: used - before.by_process.get(name, 0.0) for name, used in after.by_process.items()
    } | ended_processes
    servers = (used for name, used in by_process.items() if not name.startswith("PostgreSQL for "))
    others = (after.machine_total - before.machine_total - sum(servers)) / seconds
    return CpuSpent(seconds, {name: used for name, used in by_process.items() if used > 0}, round(max(others, 0.0), 2))


async def cpu_usage(pids: Mapping[str, int], database: str) -> CpuUsage:
    """Read what each of these, with its children, has used so far; PostgreSQL's part also by whom it worked for."""
    conn = await asyncpg.connect(database, timeout=10)
    try:
        backends = await conn.fetch("SELECT pid, usename FROM pg_stat_activity WHERE usename LIKE 'paidan%'")
    finally:
        await conn.close()
    by_process = {name: _cpu_seconds_with_children(pid) for name, pid in pids.items()}
    for backend in backends:
        name = f"PostgreSQL for {backend['usename'].removeprefix('paidan_')}"
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
        head = psutil.Process(pid)
        ended = head.cpu_times()
        living = [pid, *(child.pid for child in head.children(recursive=True))]
    except psutil.NoSuchProcess:
        return 0.0
    return sum(map(_cpu_seconds, living)) + float(ended.children_user + ended.children_system)
