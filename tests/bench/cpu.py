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
class Used:
    """Seconds of processor time at one moment."""

    at: float
    ours: Mapping[str, float]
    busy: float
    """All processors, all processes."""


@dataclass(frozen=True, slots=True)
class Spent:
    """What was used between two moments."""

    seconds: float
    ours: Mapping[str, float]
    others: float
    """Whole processors that others on the machine used meanwhile: how disturbed the measurement is."""

    def us_each(self, cases: int) -> dict[str, float]:
        """Tell microseconds a case, by process."""
        return {name: round(1e6 * used / cases, 1) for name, used in self.ours.items()} if cases else {}


def spent(before: Used, after: Used, **more: float) -> Spent:
    """Tell what was used between; ``more`` is what processes that have ended say of themselves."""
    seconds = after.at - before.at
    ours = {name: used - before.ours.get(name, 0.0) for name, used in after.ours.items()} | more
    servers = (used for name, used in ours.items() if not name.startswith("PostgreSQL for "))
    others = (after.busy - before.busy - sum(servers)) / seconds
    return Spent(seconds, {name: used for name, used in ours.items() if used > 0}, round(max(others, 0.0), 2))


async def used(pids: Mapping[str, int], database: str) -> Used:
    """Read what each of these, with its children, has used so far; PostgreSQL's part also by whom it worked for."""
    conn = await asyncpg.connect(database, timeout=10)
    try:
        backends = await conn.fetch("SELECT pid, usename FROM pg_stat_activity WHERE usename LIKE 'paidan%'")
    finally:
        await conn.close()
    ours = {name: _family(pid) for name, pid in pids.items()}
    for backend in backends:
        name = f"PostgreSQL for {backend['usename'].removeprefix('paidan_')}"
        ours[name] = ours.get(name, 0.0) + _own(backend["pid"])
    machine = psutil.cpu_times()
    idle = machine.idle + machine.iowait + machine.guest + machine.guest_nice
    return Used(monotonic(), ours | {DRIVER: _own(os.getpid())}, sum(machine) - idle)


def _own(pid: int) -> float:
    try:
        times = psutil.Process(pid).cpu_times()
    except psutil.NoSuchProcess:
        return 0.0
    return float(times.user + times.system)


def _family(pid: int) -> float:
    try:
        head = psutil.Process(pid)
        ended = head.cpu_times()
        living = [pid, *(child.pid for child in head.children(recursive=True))]
    except psutil.NoSuchProcess:
        return 0.0
    return sum(map(_own, living)) + float(ended.children_user + ended.children_system)
