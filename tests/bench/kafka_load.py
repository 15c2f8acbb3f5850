"""Benchmarks of reports appended to the inbox: to the score, as a backlog of dispatch, and scoring's rebuild."""

import time
from dataclasses import replace
from typing import Final

from paidan_chassis.kafka.message import Message
from paidan_chassis.kafka.producer import Publisher
from paidan_contracts.topics import CASES, INBOX
from tests.bench.cpu import cpu_spent
from tests.bench.installation import BenchInstallation
from tests.bench.positions import (
    DISPATCH_INBOX,
    INTAKE_CASES,
    SCORING_CASES,
    LogOffsets,
    wait_until_caught_up,
    watch_positions,
)
from tests.bench.report_stream import ReportStream
from tests.bench.results import Measurement, make_measurement
from tests.polling import poll

POLL_S: Final = 0.01
BATCH_SIZE: Final = 1_000


async def measure_bulk(installation: BenchInstallation, stream: ReportStream, count: int) -> Measurement:
    """Append reports while the running services are idle, and measure up to the last score."""
    messages = stream.messages(count, await installation.city_time())
    last = INTAKE_CASES if "intake" in installation.running else SCORING_CASES
    async with (
        LogOffsets.connected(installation) as logs,
        watch_positions(installation, SCORING_CASES, every_s=POLL_S) as positions,
    ):
        await wait_until_caught_up(installation, logs, DISPATCH_INBOX, SCORING_CASES, last)
        since, before, started = await logs.end_offsets(CASES.name), await installation.cpu_usage(), time.monotonic()
        await append_messages(installation, messages)
        await wait_until_caught_up(installation, logs, DISPATCH_INBOX, SCORING_CASES, last)
        after, cases = await installation.cpu_usage(), await logs.cases_since(since)
    duration_s = max(positions.applied_at(partition, offset) for partition, offset, _ in cases.values()) - started
    return make_measurement(_require_all(len(cases), count), duration_s, cpu_spent(before, after))


async def measure_drain(installation: BenchInstallation, stream: ReportStream, count: int) -> Measurement:
    """Measure dispatch alone on a backlog, from its first commit to its last message in Kafka."""
    await append_messages(installation, stream.messages(count, await installation.city_time()))
    async with (
        LogOffsets.connected(installation) as logs,
        watch_positions(installation, DISPATCH_INBOX, every_s=POLL_S) as positions,
    ):
        since, ends = await logs.end_offsets(CASES.name), await logs.end_offsets(INBOX.name)
        await installation.start("dispatch", until_ready=False)
        await poll(positions.advanced.is_set, within_s=60, what="dispatch's first commit")
        before = await installation.cpu_usage()
        await wait_until_caught_up(installation, logs, DISPATCH_INBOX)
        after, cases = await installation.cpu_usage(), await logs.cases_since(since)
    await installation.stop("dispatch")
    _require_all(len(cases), count)
    appended_at = max(at for _, _, at in cases.values()) - (time.time() - time.monotonic())
    drained = sum(ends.values()) - positions.applied_before
    return make_measurement(
        drained, max(positions.last_advance, appended_at) - positions.advanced_at, cpu_spent(before, after)
    )


async def measure_rebuild(installation: BenchInstallation) -> Measurement:
    """Measure scoring's rebuild of its tables from the whole topic, from its first commit to its last."""
    async with (
        LogOffsets.connected(installation) as logs,
        watch_positions(installation, SCORING_CASES, every_s=POLL_S) as positions,
    ):
        cases = len(await logs.cases_since({}))
        ends = await logs.end_offsets(CASES.name)
        applied_before = positions.applied
        await installation.start("scoring", arguments=["--rebuild"], until_ready=False)
        await poll(lambda: positions.applied < applied_before, within_s=60, what="the rebuild's reset positions")
        await poll(positions.advanced.is_set, within_s=60, what="the rebuild's first commit")
        before = await installation.cpu_usage()
        await wait_until_caught_up(installation, logs, SCORING_CASES)
        after = await installation.cpu_usage()
    await installation.stop("scoring")
    records = sum(ends.values())
    share = 1 - positions.applied_before / records
    duration_s = positions.last_advance - positions.advanced_at
    result = make_measurement(
        round(cases * share), duration_s, cpu_spent(before, after), records_per_s=records * share / duration_s
    )
    return replace(result, figures=result.figures | {"records_per_case": round(records / cases, 2)})


async def append_messages(installation: BenchInstallation, messages: list[Message]) -> None:
    """Append messages to the inbox as fast as one producer can."""
    async with Publisher(installation.kafka, client_id="bench") as publisher:
        for begin in range(0, len(messages), BATCH_SIZE):
            await publisher.send(messages[begin : begin + BATCH_SIZE])


def _require_all(opened: int, sent: int) -> int:
    if opened != sent:
        raise AssertionError(f"{sent} distinct reports opened {opened} cases")
    return sent
