"""Benchmarks of reports appended to the inbox: to the score, as a backlog of dispatch, and scoring's rebuild."""

import time
from typing import Final

from paidan_chassis.kafka.message import Message
from paidan_chassis.kafka.producer import Publisher
from paidan_contracts.topics import CASES, INBOX
from tests.bench.installation import BenchInstallation
from tests.bench.positions import (
    DISPATCH_INBOX,
    INTAKE_CASES,
    SCORING_CASES,
    ConsumerLane,
    LogOffsets,
    wait_until_caught_up,
    watch_positions,
)
from tests.bench.report_stream import ReportStream
from tests.bench.results import Measurement, make_measurement
from tests.bench.usage import spent_between
from tests.polling import poll

# Upstream first.
READERS: Final[dict[str, ConsumerLane]] = {
    "dispatch": DISPATCH_INBOX,
    "scoring": SCORING_CASES,
    "intake": INTAKE_CASES,
}
POLL_S: Final = 0.01
BATCH_SIZE: Final = 1_000
REBUILD_ENDS_S: Final = 300.0


async def measure_bulk(installation: BenchInstallation, stream: ReportStream, count: int) -> Measurement:
    """Append reports while the running services are idle, and measure up to the last score.

    Where scoring does not run, up to dispatch's last commit.
    """
    messages = stream.messages(count, await installation.city_time())
    readers = [reader for name, reader in READERS.items() if name in installation.running]
    scored_by = SCORING_CASES if SCORING_CASES in readers else DISPATCH_INBOX
    async with (
        LogOffsets.connected(installation) as logs,
        watch_positions(installation, scored_by, every_s=POLL_S) as positions,
    ):
        await wait_until_caught_up(installation, logs, *readers)
        since, before, started = await logs.end_offsets(CASES.name), await installation.usage(), time.monotonic()
        await append_messages(installation, messages)
        await wait_until_caught_up(installation, logs, *readers)
        after, cases = await installation.usage(), await logs.cases_since(since)
    _require_all(len(cases), count)
    return make_measurement(count, positions.last_advance - started, spent_between(before, after))


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
        before = await installation.usage()
        await wait_until_caught_up(installation, logs, DISPATCH_INBOX)
        after, cases = await installation.usage(), await logs.cases_since(since)
    await installation.stop("dispatch")
    _require_all(len(cases), count)
    appended_at = max(at for _, _, at in cases.values()) - (time.time() - time.monotonic())
    drained = sum(ends.values()) - positions.applied_before
    return make_measurement(
        drained, max(positions.last_advance, appended_at) - positions.advanced_at, spent_between(before, after)
    )


async def measure_rebuild(installation: BenchInstallation, service: str, reader: ConsumerLane) -> Measurement:
    """Measure the rebuild of a service's tables from the whole topic, from its first commit to its end."""
    async with (
        LogOffsets.connected(installation) as logs,
        watch_positions(installation, reader, every_s=POLL_S) as positions,
    ):
        cases = len(await logs.cases_since({}))
        ends = await logs.end_offsets(CASES.name)
        applied_before = positions.applied
        await installation.start(service, arguments=["--rebuild"], until_ready=False)
        await poll(lambda: positions.applied < applied_before, within_s=60, what="the rebuild's reset positions")
        await poll(positions.advanced.is_set, within_s=60, what="the rebuild's first commit")
        before = await installation.usage()
        await wait_until_caught_up(installation, logs, reader)
        after = await installation.usage()
        await poll(lambda: installation.has_ended(service), within_s=REBUILD_ENDS_S, what="the rebuild's end")
        ended_at = time.monotonic()
    await installation.stop(service)
    records = sum(ends.values())
    share = 1 - positions.applied_before / records
    duration_s = max(positions.last_advance - positions.advanced_at, POLL_S)
    return make_measurement(
        round(cases * share),
        duration_s,
        spent_between(before, after),
        records_per_s=records * share / duration_s,
        records_per_case=records / cases,
        finish_s=ended_at - positions.last_advance,
    )


async def append_messages(installation: BenchInstallation, messages: list[Message]) -> None:
    """Append messages to the inbox as fast as one producer can."""
    async with Publisher(installation.kafka, client_id="bench") as publisher:
        for begin in range(0, len(messages), BATCH_SIZE):
            await publisher.send(messages[begin : begin + BATCH_SIZE])


def _require_all(opened: int, sent: int) -> int:
    if opened != sent:
        raise AssertionError(f"{sent} distinct reports opened {opened} cases")
    return sent
