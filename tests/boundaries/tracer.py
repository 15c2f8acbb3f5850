"""Counts calls of our functions on a road: the modules that a reader has to open to follow one record."""

import sys
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from types import CodeType, FrameType
from typing import Final

from paidan_chassis.consumer.maintenance import Maintenance
from paidan_chassis.consumer.subscriber import poll_records
from paidan_chassis.consumer.watchdog import Watchdog
from paidan_chassis.edge.api_keys import KeyRing
from paidan_chassis.edge.audit import AccessRecorder
from paidan_chassis.edge.rate_limit import RateLimiter
from paidan_chassis.kafka.metadata_v12 import Uuid
from paidan_dispatch.api.case_figures import CaseFigures
from paidan_intake.city_packs import PackCache
from paidan_intake.source_activity import SourceActivity
from tests.polling import poll

PACKAGES: Final = ("paidan_contracts", "paidan_chassis", "paidan_intake", "paidan_dispatch", "paidan_scoring")
# Uuid.decode runs in a task of aiokafka's on the responses to Watchdog.run; a request on a road enters its module in
# any case, by building the request. Keys are looked up again, limits are leased, and what was refused or used is
# written every few seconds, whichever request comes then, if any.
BACKGROUND: Final = frozenset(
    each.__code__
    for each in (
        Maintenance.run,
        Watchdog.run,
        PackCache.poll,
        Uuid.decode,
        KeyRing.look_up,
        RateLimiter.spend,
        AccessRecorder.run,
        CaseFigures.update,
        SourceActivity.update,
    )
)
ENDLESS: Final = poll_records.__code__
"""A consumer polls again and again, with records or without; what it calls with records is on the road."""
PASSES: Final = 3
# A consumer's checks after taking over lanes end up to 1.5 s late: three requests, each behind a fetch that Kafka holds
# open for half a second. Two uncounted passes, each followed by a second without calls, outlast that.
QUIET_S: Final = 1.0
FINAL_QUIET_S: Final = 0.5

Calls = Counter[tuple[str, str]]
"""The number of calls of each function, by its module and qualified name."""


@dataclass(slots=True)
class Tracer:
    """Counts calls of our functions while it is active."""

    calls: Calls = field(default_factory=Counter)
    last_call_at: float = 0.0
    _modules: dict[CodeType, str | None] = field(default_factory=dict)

    @contextmanager
    def tracing(self) -> Iterator[None]:
        """Count calls while the context is open."""
        sys.setprofile(self._count)
        try:
            yield
        finally:
            sys.setprofile(None)

    async def wait_until_quiet(self, for_s: float) -> None:
        """Wait until no function on the road has been called for so long."""
        await poll(lambda: time.monotonic() - self.last_call_at > for_s, within_s=30, what="no more calls on the road")

    def _count(self, frame: FrameType, event: str, _argument: object) -> None:
        if event != "call":
            return
        code = frame.f_code
        if code not in self._modules:
            self._modules[code] = _module_of(frame)
        module = self._modules[code]
        if module is None or code is ENDLESS:
            return
        if not _is_resumed(frame) and not _is_background(frame):
            self.calls[module, code.co_qualname] += 1
            self.last_call_at = time.monotonic()


def _is_resumed(frame: FrameType) -> bool:
    # The lower two bits of RESUME's argument are 0 at a function's start, else it resumes after a yield or await.
    return frame.f_code.co_code[frame.f_lasti + 1] & 3 != 0


def _module_of(frame: FrameType) -> str | None:
    name = str(frame.f_globals.get("__name__"))
    generated = frame.f_code.co_filename.startswith("<")
    return name if name.partition(".")[0] in PACKAGES and not generated else None


def _is_background(frame: FrameType | None) -> bool:
    while frame is not None:
        if frame.f_code in BACKGROUND or (frame.f_code.co_name == "<module>" and _module_of(frame)):
            return True
        frame = frame.f_back
    return False


def modules_entered(calls: Calls) -> Counter[str]:
    """Return the number of calls by module."""
    entered: Counter[str] = Counter()
    for (module, _), number in calls.items():
        entered[module] += number
    return entered


async def count_calls(pass_once: Callable[[int], Awaitable[None]]) -> Calls:
    """Pass a road until connections and caches are warm, and return the calls of the last pass."""
    for number in range(PASSES):
        tracer = Tracer()
        with tracer.tracing():
            await pass_once(number)
            await tracer.wait_until_quiet(FINAL_QUIET_S if number == PASSES - 1 else QUIET_S)
    return tracer.calls
