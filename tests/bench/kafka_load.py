"""Reports that are encoded already: appended to the inbox and followed to the score, or drained as a backlog."""

import time
from dataclasses import replace
from typing import Final

from paidan_chassis.consumer.records import Message
from paidan_chassis.kafka.producer import Publisher
from paidan_contracts.topics import CASES, INBOX
from tests.bench.cpu import spent
from tests.bench.installation import Ground
from tests.bench.positions import (
    FOLD,
    LANES,
    STANDING,
    Logs,
    quiet,
    watching,
)
from tests.bench.report_stream import Traffic
from tests.bench.results import Measured, measured
from tests.polling import poll

LOOK_EVERY_S: Final = 0.01
APPENDED_AT_ONCE: Final = 1_000


async def bulk(ground: Ground, traffic: Traffic, count: int) -> Measured:
    """Append reports while the services that run are idle, and wait for the last one's score."""
    messages = traffic.messages(count, await ground.city_time())
    last = STANDING if "intake" in ground.running else FOLD
    async with Logs.open(ground) as logs, watching(ground, FOLD, every_s=LOOK_EVERY_S) as watch:
        await quiet(ground, logs, LANES, FOLD, last)
        since, before, began = await logs.ends(CASES.name), await ground.used(), time.monotonic()
        await append(ground, messages)
        await quiet(ground, logs, LANES, FOLD, last)
        after, found = await ground.used(), await logs.cases(since)
    took = max(watch.applied_at(partition, offset) for partition, offset, _ in found.values()) - began
    return measured(_complete(len(found), count), took, spent(before, after))


async def drain(ground: Ground, traffic: Traffic, count: int) -> Measured:
    """Let dispatch alone work off what has gathered, from its first commit to its last message in Kafka."""
    await append(ground, traffic.messages(count, await ground.city_time()))
    async with Logs.open(ground) as logs, watching(ground, LANES, every_s=LOOK_EVERY_S) as watch:
        since, ends = await logs.ends(CASES.name), await logs.ends(INBOX.name)
        await ground.start("dispatch", until_ready=False)
        await poll(watch.moved.is_set, within_s=60, what="dispatch has begun")
        before = await ground.used()
        await quiet(ground, logs, LANES)
        after, found = await ground.used(), await logs.cases(since)
    await ground.stop("dispatch")
    _complete(len(found), count)
    said_at = max(at for _, _, at in found.values()) - (time.time() - time.monotonic())
    done = sum(ends.values()) - watch.stood
    return measured(done, max(watch.newest, said_at) - watch.moved_at, spent(before, after))


async def rebuild(ground: Ground) -> Measured:
    """Make scoring's tables anew from the whole log, from the first commit to the last."""
    async with Logs.open(ground) as logs, watching(ground, FOLD, every_s=LOOK_EVERY_S) as watch:
        cases = len(await logs.cases({}))
        ends = await logs.ends(CASES.name)
        before_it = watch.through
        await ground.start("scoring", arguments=["--rebuild"], until_ready=False)
        await poll(lambda: watch.through < before_it, within_s=60, what="the rebuild has begun")
        await poll(watch.moved.is_set, within_s=60, what="the rebuild has read something")
        before = await ground.used()
        await quiet(ground, logs, FOLD)
        after = await ground.used()
    await ground.stop("scoring")
    records = sum(ends.values())
    share = 1 - watch.stood / records
    took = watch.newest - watch.moved_at
    found = measured(round(cases * share), took, spent(before, after), records_per_s=records * share / took)
    return replace(found, figures=found.figures | {"records_per_case": round(records / cases, 2)})


async def append(ground: Ground, messages: list[Message]) -> None:
    """Put messages into the inbox as fast as one producer can."""
    async with Publisher(ground.kafka, client_id="bench") as publisher:
        for begin in range(0, len(messages), APPENDED_AT_ONCE):
            await publisher.send(messages[begin : begin + APPENDED_AT_ONCE])


def _complete(found: int, sent: int) -> int:
    if found != sent:
        raise AssertionError(f"{sent} reports of different things have opened {found} cases")
    return sent
