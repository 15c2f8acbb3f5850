"""Counts the functions of ours that start on a road: what a stranger would have to open to follow one record."""

import sys
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from types import CodeType, FrameType
from typing import Final

from paidan_chassis.consumer.maintenance import Maintenance
from paidan_chassis.consumer.watchdog import Watchdog
from paidan_chassis.kafka.metadata_v12 import Uuid
from paidan_intake.city_packs import PackCache
from tests.polling import poll

PACKAGES: Final = ("paidan_contracts", "paidan_chassis", "paidan_intake", "paidan_dispatch", "paidan_scoring")
# Uuid.decode reads, in a task of aiokafka's, the answers to Watching.run; whoever asks on a road enters its module all
# the same.
BESIDE: Final = frozenset(
    {Maintenance.run.__code__, Watchdog.run.__code__, PackCache.poll.__code__, Uuid.decode.__code__}
)
PASSES: Final = 3
# What a consumer reads again after it took lanes over, and checks, comes up to 1.5 s late: three requests that wait for
# a fetch which Kafka holds open for half a second. Two passes with a second of quiet after each outlast that.
QUIET_S: Final = 1.0
QUIET_AT_LAST_S: Final = 0.5

Calls = Counter[tuple[str, str]]
"""How often each function was entered, by its module and its name."""


@dataclass(slots=True)
class Tracer:
    """Counts entries into our code while it is on."""

    calls: Calls = field(default_factory=Counter)
    last_at: float = 0.0
    _modules: dict[CodeType, str | None] = field(default_factory=dict)

    @contextmanager
    def on(self) -> Iterator[None]:
        """Count from here to the end of the block."""
        sys.setprofile(self._see)
        try:
            yield
        finally:
            sys.setprofile(None)

    async def quiet(self, for_s: float) -> None:
        """Wait until nothing on the road has started for so long."""
        await poll(lambda: time.monotonic() - self.last_at > for_s, within_s=30, what="the road is empty")

    def _see(self, frame: FrameType, event: str, _argument: object) -> None:
        if event != "call":
            return
        code = frame.f_code
        if code not in self._modules:
            self._modules[code] = _module_of(frame)
        module = self._modules[code]
        if module is not None and not _goes_on(frame) and not _is_beside(frame):
            self.calls[module, code.co_qualname] += 1
            self.last_at = time.monotonic()


def _goes_on(frame: FrameType) -> bool:
    # The lower two bits of RESUME's argument: 0 where a function starts, else where it goes on after a yield or await.
    return frame.f_code.co_code[frame.f_lasti + 1] & 3 != 0


def _module_of(frame: FrameType) -> str | None:
    name = str(frame.f_globals.get("__name__"))
    generated = frame.f_code.co_filename.startswith("<")
    return name if name.partition(".")[0] in PACKAGES and not generated else None


def _is_beside(frame: FrameType | None) -> bool:
    while frame is not None:
        if frame.f_code in BESIDE or (frame.f_code.co_name == "<module>" and _module_of(frame)):
            return True
        frame = frame.f_back
    return False


def modules(calls: Calls) -> Counter[str]:
    """Sum up by module."""
    entered: Counter[str] = Counter()
    for (module, _), number in calls.items():
        entered[module] += number
    return entered


async def measured(travel: Callable[[int], Awaitable[None]]) -> Calls:
    """Pass a road as often as it takes to be warm, and count the last time."""
    for number in range(PASSES):
        tracer = Tracer()
        with tracer.on():
            await travel(number)
            await tracer.quiet(QUIET_AT_LAST_S if number == PASSES - 1 else QUIET_S)
    return tracer.calls
