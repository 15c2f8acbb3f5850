"""What an installation used up to one moment, and between two: CPU time and storage."""

from collections.abc import Mapping
from dataclasses import dataclass

import asyncpg

from tests.bench.cpu import CpuSpent, CpuUsage, cpu_spent, cpu_usage
from tests.bench.storage import StorageUse, storage_use


@dataclass(frozen=True, slots=True)
class Usage:
    """CPU time and storage used up to one moment."""

    cpu: CpuUsage
    storage: StorageUse


@dataclass(frozen=True, slots=True)
class Spent:
    """CPU time and storage used between two moments."""

    cpu: CpuSpent
    storage: StorageUse


async def read_usage(pids: Mapping[str, int], database: str) -> Usage:
    """Return what these processes, and the database as a whole, have used so far."""
    conn = await asyncpg.connect(database, timeout=10)
    try:
        return Usage(await cpu_usage(pids, conn), await storage_use(conn))
    finally:
        await conn.close()


def spent_between(before: Usage, after: Usage, **ended_processes: float) -> Spent:
    """Return what was used between; ``ended_processes`` is what processes reported that have exited since."""
    return Spent(cpu_spent(before.cpu, after.cpu, **ended_processes), after.storage.since(before.storage))
