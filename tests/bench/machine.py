"""Describes the machine and its other load, without which figures cannot be compared."""

import os
import platform
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from time import perf_counter, process_time
from typing import Final

import psutil

from paidan_deploy.setup.interpreters import task_ms

_ROUNDS: Final = 200_000


@dataclass(frozen=True, slots=True)
class MachineInfo:
    """The machine at the start of the run."""

    cores: int
    memory_gb: float
    processor: str
    load: tuple[float, float, float]
    python: str
    compiler: str
    python_task_ms: float
    """The task by which set-up compares interpreters: builds of one version differ by half."""
    core_speed: float
    """Thousands of rounds of a small fixed task per CPU second of one core: machines differ by a factor of 2."""
    core_share: float
    """The share of a core that the task got: well below 1 on a busy machine."""

    @property
    def summary(self) -> str:
        """Return a description in one line."""
        load = " ".join(f"{each:.2f}" for each in self.load)
        return (
            f"{self.cores} cores ({self.processor}), {self.memory_gb:.0f} GB, Python {self.python} ({self.compiler},"
            f" {self.python_task_ms:.1f} ms for set-up's task); load average at the start {load};"
            f" one core {self.core_speed:.0f}k rounds/s, {self.core_share:.0%} of it available"
        )


def describe_machine() -> MachineInfo:
    """Measure and describe the machine, in half a second."""
    wall, cpu_started = perf_counter(), process_time()
    _run_fixed_task()
    used = process_time() - cpu_started
    return MachineInfo(
        cores=len(os.sched_getaffinity(0)),
        memory_gb=psutil.virtual_memory().total / 2**30,
        processor=_processor_name(),
        load=os.getloadavg(),
        python=platform.python_version(),
        compiler=platform.python_compiler(),
        python_task_ms=task_ms(),
        core_speed=_ROUNDS / used / 1000,
        core_share=min(used / (perf_counter() - wall), 1.0),
    )


def _run_fixed_task() -> None:
    digest = b""
    for number in range(_ROUNDS):
        digest = sha256(digest + str(number).encode()).digest()


def _processor_name() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.machine()
    models = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return models[0] if models else platform.machine()
