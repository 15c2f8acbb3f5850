"""Wait until an installation has processed and published everything in its topics."""

import asyncio
from collections.abc import Sequence
from typing import Any, Final

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError

from paidan_chassis.database import DB_ERRORS
from paidan_deploy.services import SERVICES
from tests.chaos.installation import ChaosInstallation
from tests.polling import poll

SETTLE_TIMEOUT_S: Final = 240.0
_OUTAGE_ERRORS: Final = (*DB_ERRORS, KafkaError)


async def wait_settled(installation: ChaosInstallation, *, within_s: float = SETTLE_TIMEOUT_S) -> None:
    """Wait until every consumer has applied its topics to their ends, and every message is relayed."""
    seen: list[object] = []

    async def is_settled() -> bool:
        await asyncio.sleep(0.2)  # a check uses CPU that the services need
        try:
            offsets = await _end_offsets_if_applied(installation)
        except _OUTAGE_ERRORS as error:
            seen.append(error)
            return False
        seen.append(offsets)
        return offsets is not None and len(seen) > 1 and seen[-2] == offsets

    try:
        await poll(is_settled, within_s=within_s, what="every log read to its end")
    except AssertionError as error:
        raise AssertionError(f"{error}: {await describe_backlog(installation)}") from error


async def _end_offsets_if_applied(installation: ChaosInstallation) -> tuple[object, ...] | None:
    rows = [row for service in SERVICES for row in await _lanes_of(installation, service.name)]
    if any(row["seq"] > row["relayed_seq"] for row in rows) or await _has_due_timers(installation):
        return None
    ends = await _end_offsets(installation, rows)
    behind = [row for row in rows if row["next_offset"] < ends[row["topic"], row["partition"]]]
    return None if behind else tuple(sorted(ends.items()))


async def _has_due_timers(installation: ChaosInstallation) -> bool:
    now = await installation.city_time()
    return bool(await installation.fetch_value("SELECT count(*) FROM case_now WHERE next_due_at <= $1", now))


async def _lanes_of(installation: ChaosInstallation, schema: str) -> list[Any]:
    async with installation.conn(schema) as conn:
        return list(await conn.fetch("SELECT consumer, topic, partition, next_offset, seq, relayed_seq FROM lane"))


async def _end_offsets(installation: ChaosInstallation, lanes: Sequence[Any]) -> dict[tuple[str, int], int]:
    consumer = AIOKafkaConsumer(bootstrap_servers=installation.servers.kafka, enable_auto_commit=False)
    try:
        await consumer.start()
        partitions = {TopicPartition(installation.prefix + row["topic"], row["partition"]) for row in lanes}
        ends = await consumer.end_offsets(partitions)
    finally:
        await consumer.stop()
    return {(each.topic.removeprefix(installation.prefix), each.partition): end for each, end in ends.items()}


async def describe_backlog(installation: ChaosInstallation) -> str:
    """Return the lanes that are behind or not relayed, and how processes ended that did, as a message."""
    ended = {
        name: f"{process.exit_code}: {process.log_text()[-5000:]}"
        for name, process in installation.processes.items()
        if process.exit_code is not None
    }
    try:
        lanes = [dict(row) for service in SERVICES for row in await _lanes_of(installation, service.name)]
        ends = await _end_offsets(installation, lanes)
    except _OUTAGE_ERRORS as error:
        return f"ended {ended}, {error!r}"
    behind = [each for each in lanes if each["next_offset"] < ends[each["topic"], each["partition"]]]
    return (
        f"ended {ended}, behind {behind}, not relayed {[each for each in lanes if each['seq'] > each['relayed_seq']]}"
    )
