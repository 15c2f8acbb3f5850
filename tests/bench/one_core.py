"""Puts services and PostgreSQL on one core together."""

import os
from collections.abc import Iterator
from contextlib import contextmanager

import psutil

from tests.bench.installation import BenchInstallation


@contextmanager
def on_one_core(installation: BenchInstallation) -> Iterator[None]:
    """Let what is started meanwhile, and PostgreSQL, have one core together."""
    every_core = os.sched_getaffinity(0)
    core = {min(every_core)}
    database = psutil.Process(installation.pids["PostgreSQL"])
    for process in (database, *database.children(recursive=True)):
        os.sched_setaffinity(process.pid, core)
    os.sched_setaffinity(0, core)
    try:
        yield
    finally:
        os.sched_setaffinity(0, every_core)
