"""Waiting until an installation is through with all that its logs hold."""

import asyncio
from collections.abc import Sequence
from typing import Any, Final

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError

from paidan_chassis.database import FAULTS
from paidan_deploy.stack.services import SERVICES
from tests.chaos.installation import Works
from tests.polling import poll

SETTLED_S: Final = 240.0
_AWAY: Final = (*FAULTS, KafkaError)


async def settled(works: Works, *, within_s: float = SETTLED_S) -> None:
    """Wait until every consumer has come to the end of its logs, and all they said is out."""
    seen: list[object] = []

    async def still() -> bool:
        await asyncio.sleep(0.2)  # asking is dear, and slows down what is waited for
        try:
            stands = await _stands(works)
        except _AWAY as error:
            seen.append(error)
            return False
        seen.append(stands)
        return stands is not None and len(seen) > 1 and seen[-2] == stands

    try:
        await poll(still, within_s=within_s, what="every log read to its end")
    except AssertionError as error:
        raise AssertionError(f"{error}: {await left(works)}") from error


async def _stands(works: Works) -> tuple[object, ...] | None:
    rows = [row for service in SERVICES for row in await _lanes(works, service.name)]
    if any(row["seq"] > row["relayed_seq"] for row in rows) or await _clocks_run_out(works):
        return None
    ends = await _ends(works, rows)
    behind = [row for row in rows if row["next_offset"] < ends[row["topic"], row["partition"]]]
    return None if behind else tuple(sorted(ends.items()))


async def _clocks_run_out(works: Works) -> bool:
    now = await works.city_time()
    return bool(await works.value("SELECT count(*) FROM timer WHERE due_at <= $1", now))


async def _lanes(works: Works, schema: str) -> list[Any]:
    async with works.conn(schema) as conn:
        return list(await conn.fetch("SELECT consumer, topic, partition, next_offset, seq, relayed_seq FROM lane"))


async def _ends(works: Works, lanes: Sequence[Any]) -> dict[tuple[str, int], int]:
    consumer = AIOKafkaConsumer(bootstrap_servers=works.kafka.address, enable_auto_commit=False)
    await consumer.start()
    try:
        asked = {TopicPartition(works.prefix + row["topic"], row["partition"]) for row in lanes}
        found = await consumer.end_offsets(asked)
    finally:
        await consumer.stop()
    return {(each.topic.removeprefix(works.prefix), each.partition): end for each, end in found.items()}


async def left(works: Works) -> str:
    """Say what is not through yet, and how the processes do."""
    codes = {name: member.code for name, member in works.members.items()}
    try:
        lanes = [dict(row) for service in SERVICES for row in await _lanes(works, service.name)]
        ends = await _ends(works, lanes)
    except _AWAY as error:
        return f"{codes}, {error!r}"
    behind = [each for each in lanes if each["next_offset"] < ends[each["topic"], each["partition"]]]
    return f"{codes}, behind {behind}, unsaid {[each for each in lanes if each['seq'] > each['relayed_seq']]}"
