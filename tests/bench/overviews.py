"""Open overviews: what they cost while events are committed, and how soon each shows what was committed."""

import asyncio
import json
import re
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from itertools import cycle, islice
from typing import Any, Final

from aiokafka import AIOKafkaConsumer

from paidan_chassis.kafka.message import Message
from paidan_chassis.kafka.producer import Publisher
from paidan_contracts.topics import CASES
from tests.bench.cpu import CpuSpent, cpu_spent
from tests.bench.installation import BenchInstallation
from tests.bench.positions import COCKPIT_CASES, LogOffsets, PositionHistory, wait_until_caught_up, watch_positions
from tests.bench.results import Measurement, percentile
from tests.bench.visits import Visitors

VIEWS: Final = (("wide", ""), ("wide", "?district=370103"), ("district", ""), ("class", ""))
"""Whose overviews are open, and of which part: who sees the same shares one computation."""
EVENTS_PER_S: Final = 100
_TICK_S: Final = 0.1
_SETTLE_S: Final = 3.0
_READ_BYTES: Final = 1 << 16
_POSITION: Final = re.compile(rb'data-read="[^"]*paidan\.cases ([0-9]+) ')


@dataclass(slots=True)
class Screen:
    """An open overview: when it showed how many records."""

    shown: list[tuple[float, int]] = field(default_factory=list)
    events: int = 0

    async def follow(self, reader: asyncio.StreamReader) -> None:
        """Read the stream to its end."""
        rest = b""
        while chunk := await reader.read(_READ_BYTES):
            rest += chunk
            *complete, rest = rest.split(b"\n\n")
            self.events += len(complete)
            for event in complete:
                if found := _POSITION.search(event):
                    self.shown.append((time.monotonic(), int(found[1])))

    def delays(self, history: PositionHistory) -> list[float]:
        """Return how long after each commit this screen showed it; of those that it could show before the end."""
        total: list[tuple[float, int]] = _totals(history)
        return [
            min(at for at, position in self.shown if position >= committed) - committed_at
            for committed_at, committed in total
            if self.shown and self.shown[0][0] < committed_at and self.shown[-1][1] >= committed
        ]


async def measure_overviews(
    installation: BenchInstallation, visitors: Visitors, *, screens: int, seconds: float, cases: int
) -> Measurement:
    """Return cores and delays of so many open overviews, beside what following the same events costs without them."""
    size = int(seconds * EVENTS_PER_S)
    events = await _next_steps(installation, 2 * size)
    alone, _ = await _spend(installation, events[:size], seconds, ())
    async with _open_screens(installation, visitors, screens) as opened:
        beside, history = await _spend(installation, events[size:], seconds, opened)
    delays = sorted(delay for screen in opened for delay in screen.delays(history))
    own = {name: _cores(beside, name) - _cores(alone, name) for name in ("cockpit", "PostgreSQL")}
    figures = {
        "screens": len(opened),
        "events_per_screen": sum(screen.events for screen in opened) / len(opened),
        "cockpit_cores": own["cockpit"],
        "postgres_cores": own["PostgreSQL"],
        "cores": sum(own.values()),
        "shown_p50_s": percentile(delays, 0.5),
        "shown_max_s": delays[-1],
    }
    return Measurement(cases=cases, seconds=seconds, figures={name: round(each, 3) for name, each in figures.items()})


def _cores(spent: CpuSpent, name: str) -> float:
    return spent.by_process.get(name, 0.0) / spent.seconds


def _totals(history: PositionHistory) -> list[tuple[float, int]]:
    """Return when the sum of all partitions' positions was seen to reach which value."""
    steps = sorted(
        (at, partition, offset)
        for partition, offsets in history.offsets.items()
        for at, offset in zip(history.times[partition], offsets, strict=True)
    )
    latest: dict[int, int] = {}
    totals = []
    for at, partition, offset in steps:
        latest[partition] = offset
        if len(latest) == len(history.offsets):
            totals.append((at, sum(latest.values())))
    return totals


async def _spend(
    installation: BenchInstallation, events: Sequence[Message], seconds: float, screens: Sequence[Screen]
) -> tuple[CpuSpent, PositionHistory]:
    async with watch_positions(installation, COCKPIT_CASES, every_s=0.01) as history:
        before = await installation.usage()
        async with Publisher(installation.kafka, client_id="bench") as publisher:
            size, began = int(EVENTS_PER_S * _TICK_S), time.monotonic()
            for number in range(int(seconds / _TICK_S)):
                await publisher.send(list(events[number * size : (number + 1) * size]))
                await asyncio.sleep(max(began + (number + 1) * _TICK_S - time.monotonic(), 0))
        async with LogOffsets.connected(installation) as logs:
            await wait_until_caught_up(installation, logs, COCKPIT_CASES)
        await asyncio.sleep(_SETTLE_S)
        after = await installation.usage()
    return cpu_spent(before.cpu, after.cpu), history


async def _next_steps(installation: BenchInstallation, count: int) -> list[Message]:
    """Return steps of stored cases, each with a higher version than the one before."""
    consumer = AIOKafkaConsumer(
        CASES.name, bootstrap_servers=installation.kafka.servers, enable_auto_commit=False, auto_offset_reset="earliest"
    )
    await consumer.start()
    try:
        records: list[Any] = []
        while len(records) < count:
            found = [each for batch in (await consumer.getmany(timeout_ms=2000)).values() for each in batch]
            if not found:
                break
            records += found
    finally:
        await consumer.stop()
    version = 1000
    messages = []
    for record in islice(cycle(records), count):
        version += 1
        body = json.loads(record.value) | {"version": version}
        messages.append(Message(CASES.name, record.key.decode(), json.dumps(body, ensure_ascii=False).encode(), ()))
    return messages


@asynccontextmanager
async def _open_screens(installation: BenchInstallation, visitors: Visitors, count: int) -> AsyncIterator[list[Screen]]:
    views = [(await visitors.sign_in(rights), query) for rights, query in VIEWS]
    screens = []
    async with AsyncExitStack() as stack:
        for cookie, query in islice(cycle(views), count):
            reader, writer = await asyncio.open_connection("127.0.0.1", installation.cockpit_port)
            stack.callback(writer.close)
            request = (
                f"GET /overview/stream{query} HTTP/1.1\r\nhost: bench\r\naccept-language: en\r\n"
                f"cookie: paidan_session={cookie}\r\n\r\n"
            )
            writer.write(request.encode())
            screens.append(screen := Screen())
            task = asyncio.create_task(screen.follow(reader))
            stack.callback(task.cancel)
        await asyncio.sleep(_SETTLE_S)
        yield screens
