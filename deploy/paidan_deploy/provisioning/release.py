"""Places release marks in the inbox: from there on each partition is decided by this release of dispatch."""

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from typing import Final, Literal, NamedTuple, NoReturn, TypeAlias

from aiokafka import AIOKafkaConsumer, TopicPartition
from pydantic import ValidationError

from paidan_chassis.clock import real_now
from paidan_chassis.consumer.positions import LOG_END
from paidan_chassis.database import Connection
from paidan_chassis.kafka.cloudevents import encode_body, encode_headers, source_of
from paidan_chassis.kafka.cluster import KafkaCluster
from paidan_chassis.kafka.producer import Publisher
from paidan_chassis.kafka.record_batch import ProducerRecord
from paidan_contracts.ids import cause_id
from paidan_contracts.inbox import RELEASE, ReleaseInForce
from paidan_contracts.topics import INBOX
from paidan_deploy.errors import DeployError
from paidan_deploy.provisioning.connection import open_connection
from paidan_deploy.services import DISPATCH, INTAKE

READ_TIMEOUT_S: Final = 20.0
FIRST_RELEASE: Final = 1
"""0.1, which knows no marks."""
NextRecord: TypeAlias = int | Literal["none", "other"]
"""What a partition's log holds where dispatch reads on; a number: the mark of that release."""

SELECT_LANES: Final = """
    SELECT lane.partition, lane.next_offset, lane_release.number AS release
      FROM dispatch.lane
      LEFT JOIN dispatch.lane_release ON lane_release.lane = lane.partition
     WHERE lane.consumer = 'dispatch'
       AND lane.topic = $1
"""
# Whatever writes to the inbox holds sessions, in whatever release; those of a killed process end with it.
SELECT_WRITERS: Final = """
    SELECT DISTINCT usename
      FROM pg_stat_activity
     WHERE datname = current_database()
       AND usename = ANY($1::name[])
     ORDER BY usename
"""


class ReleaseNotDrained(DeployError):
    """Records wait to be decided by an older release, or may still be written: its successor cannot begin."""


class LaneProgress(NamedTuple):
    """How far dispatch has decided a partition of the inbox, and by which release; None as long as it read no mark."""

    partition: int
    next_offset: int
    release: int | None


class MarkPlan(NamedTuple):
    """The partitions to mark, and those of them in which the mark must be the next record: they never had one."""

    to_mark: list[int]
    first_marks: list[LaneProgress]


async def older_release_decides(connection: Connection) -> bool:
    """Return whether an older release still has to decide a partition of the inbox: what it needs must stay."""
    rows = await connection.fetch(SELECT_LANES, INBOX.name)
    return any((row["release"] or FIRST_RELEASE) < RELEASE for row in rows)


async def require_drained(dsn: str, kafka: KafkaCluster) -> None:
    """Raise ``ReleaseNotDrained`` where records wait for an older release, before its tables are changed.

    For a start at which no service runs: the older release could not start on migrated tables to decide them.
    """
    async with open_connection(dsn) as connection:
        if await connection.fetchval("SELECT to_regclass('dispatch.lane_release')") is None:
            return
        rows = await connection.fetch(SELECT_LANES, INBOX.name)
    lanes = [LaneProgress(**row) for row in rows if row["release"] is not None and row["release"] < RELEASE]
    if undrained := [lane for lane, found in (await _next_records(kafka, lanes)).items() if found == "other"]:
        numbers = "、".join(str(each) for each in sorted({lane.release for lane in undrained if lane.release}))
        raise ReleaseNotDrained(
            f"release {numbers.replace('、', ', ')} has not decided all of its inbox: {_name_lanes(undrained)}. Nothing"
            " was changed: run `paidan up` of that release until it has read all (its metric paidan_lane_lag_records is"
            " 0) or halts, then its `paidan down`, and repeat this\n"
            f"第 {numbers} 版尚未判定完收件日志：{_name_lanes_in_chinese(undrained)}。未作任何更改："
            "请用该版 `paidan up` 运行，至其读完收件日志（指标 paidan_lane_lag_records 为 0）或停机，"
            "再用该版 `paidan down` 停止，然后重新执行本命令"
        )


async def place_release_marks(connection: Connection, kafka: KafkaCluster, *, release: int = RELEASE) -> int:
    """Append this release's mark to every partition of the inbox that needs one; return to how many.

    Safe to repeat after an interruption anywhere, and to run concurrently: a mark that is placed twice changes nothing.
    Release 1 (0.1) knows no marks and would pass one over, so the first is placed only where that release was stopped
    at the log's end. Raises ``ReleaseNotDrained`` where it was not; run it again once it is.
    """
    async with Publisher(kafka, client_id="paidan-release") as publisher:
        partitions = await publisher.topic_admin.partitions(INBOX.name)
        plan = await _plan(connection, kafka, partitions, release)
        if plan.first_marks:
            await _require_no_writers(connection)
        if plan.to_mark:
            await publisher.send_in_order([_mark(release, partition) for partition in plan.to_mark])
    overtaken = [
        lane for lane, found in (await _next_records(kafka, plan.first_marks)).items() if not isinstance(found, int)
    ]  # what was written since the check belongs to the older release, too
    if overtaken:
        _refuse(overtaken)
    return len(plan.to_mark)


async def _plan(connection: Connection, kafka: KafkaCluster, partitions: int, release: int) -> MarkPlan:
    rows = await connection.fetch(SELECT_LANES, INBOX.name)
    stored = {row["partition"]: LaneProgress(**row) for row in rows}
    lanes = [stored.get(partition, LaneProgress(partition, 0, None)) for partition in range(partitions)]
    next_records = await _next_records(kafka, [lane for lane in lanes if lane.release is None])
    undrained = [lane for lane, found in next_records.items() if found == "other"]
    if undrained:
        _refuse(undrained)
    first_marks = [lane for lane, found in next_records.items() if found == "none"]
    # By a mark that is still unread, or by one that was read.
    releases = {lane: lane.release or next_records[lane] for lane in lanes}
    older = [lane.partition for lane, found in releases.items() if isinstance(found, int) and found < release]
    return MarkPlan([*older, *(lane.partition for lane in first_marks)], first_marks)


def _refuse(undrained: Sequence[LaneProgress]) -> NoReturn:
    raise ReleaseNotDrained(
        f"release 1 (0.1) has not decided all of its inbox: {_name_lanes(undrained)}. This release decides"
        " otherwise, so 0.1 must finish: stop 0.1's intake, run its dispatch until nothing is left to read, stop it,"
        " and repeat this\n"
        f"第 1 版（0.1）尚未判定完收件日志：{_name_lanes_in_chinese(undrained)}。本版判定规则不同，须由 0.1 判定完毕："
        "请停止 0.1 的 intake，运行其 dispatch 直至读完，停止后重新执行本命令"
    )


def _name_lanes(lanes: Iterable[LaneProgress]) -> str:
    return ", ".join(f"{INBOX.name}-{lane.partition} from {lane.next_offset}" for lane in lanes)


def _name_lanes_in_chinese(lanes: Iterable[LaneProgress]) -> str:
    return "、".join(f"{INBOX.name}-{lane.partition} 自 {lane.next_offset} 起" for lane in lanes)


async def _require_no_writers(connection: Connection) -> None:
    rows = await connection.fetch(SELECT_WRITERS, [INTAKE.role, DISPATCH.role])
    if rows:
        running = " and ".join(row["usename"].removeprefix("paidan_") for row in rows)
        raise ReleaseNotDrained(
            f"{running} of release 1 (0.1) still run, and would write past this release's mark: stop intake, wait until"
            " dispatch has read its inbox, stop dispatch, and repeat this\n"
            f"第 1 版（0.1）的 {running} 仍在运行，会越过本版标记继续写入："
            "请停止 intake，待 dispatch 读完收件日志后停止 dispatch，再重新执行本命令"
        )


async def _next_records(kafka: KafkaCluster, lanes: Iterable[LaneProgress]) -> Mapping[LaneProgress, NextRecord]:
    by_partition = {TopicPartition(kafka.prefixed(INBOX.name), lane.partition): lane for lane in lanes}
    if not by_partition:
        return {}
    consumer = AIOKafkaConsumer(group_id=None, enable_auto_commit=False, **kafka.client_options())
    try:
        await consumer.start()
        begins = await consumer.beginning_offsets(list(by_partition))
        ends = await consumer.end_offsets(list(by_partition))
        offsets = {
            partition: ends[partition] if lane.next_offset == LOG_END else max(lane.next_offset, begins[partition])
            for partition, lane in by_partition.items()
        }
        unread = {partition: offset for partition, offset in offsets.items() if offset < ends[partition]}
        values = await _first_values(consumer, unread)
    finally:
        await consumer.stop()
    return {
        lane: _release_marked(values[partition]) if partition in unread else "none"
        for partition, lane in by_partition.items()
    }


async def _first_values(
    consumer: AIOKafkaConsumer, offsets: Mapping[TopicPartition, int]
) -> Mapping[TopicPartition, bytes | None]:
    """Return the value of each partition's first record from an offset on."""
    consumer.assign(list(offsets))
    for partition, offset in offsets.items():
        consumer.seek(partition, offset)
    values: dict[TopicPartition, bytes | None] = {}
    async with asyncio.timeout(READ_TIMEOUT_S):
        while values.keys() != offsets.keys():
            for partition, records in (await consumer.getmany(timeout_ms=200)).items():
                values.setdefault(partition, records[0].value)
    return values


def _release_marked(value: bytes | None) -> NextRecord:
    try:
        return ReleaseInForce.model_validate_json(value or b"").number
    except ValidationError:
        return "other"


def _mark(release: int, partition: int) -> ProducerRecord:
    event = ReleaseInForce(number=release)
    event_id = str(cause_id("release_in_force", release, partition))
    headers = encode_headers(event_id, source_of("prepare"), event.type, real_now(), str(release))
    return ProducerRecord(INBOX.name, partition, None, encode_body(event), list(headers))
