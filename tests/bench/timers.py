"""Benchmark of dispatch's timers: what a million cost while they wait, and how late they fire at 1,000 a second."""

import asyncio
import json
import time
from collections.abc import Mapping
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Final

import asyncpg
from aiokafka import AIOKafkaConsumer, TopicPartition

from paidan_contracts.topics import CASES, INBOX
from tests.bench.installation import BenchInstallation, prepared_installation
from tests.bench.kafka_load import measure_bulk
from tests.bench.positions import LogOffsets
from tests.bench.preload import copy_cases
from tests.bench.report_stream import ReportStream
from tests.bench.results import BenchSize, Measurement, latencies, make_measurement
from tests.bench.usage import Spent, spent_between

SEED: Final = 45678
ORIGINALS: Final = 1_000
SETTLE_S: Final = 5.0
FIRST_DUE: Final = timedelta(seconds=20)
"""After they were written: what writing them left to do is over by then."""
END_TIMEOUT_S: Final = 60.0
WITHOUT_TIMERS: Final = "UPDATE dispatch.case_now SET next_due_at = NULL"
IN_A_MONTH: Final = "UPDATE dispatch.case_now SET next_due_at = $1::timestamptz + random() * interval '150 days'"
# Cases that wait to be accepted, with their state: in place of one original's id and limit stand others.
INSERT_HISTORY: Final = """
    INSERT INTO dispatch.history (case_id, version, chain, event)
    SELECT new.case_id, original.version, original.chain,
           convert_to(replace(regexp_replace(replace(original.body, $1, new.case_id),
                                             '"accept_by":"[^"]*"', '"accept_by":"' || new.due_at || '"'),
                              '"accept_warn_at"', '"left_out"'), 'UTF8')
      FROM (SELECT version, chain, convert_from(event, 'UTF8') AS body
              FROM dispatch.history
             WHERE case_id = $1
               AND version = 1) AS original
     CROSS JOIN (SELECT left($1, -32) || md5('timer' || n) AS case_id,
                        to_char(due_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') AS due_at
                   FROM generate_series(1, $3::integer) AS n
                  CROSS JOIN LATERAL (SELECT $2::timestamptz + n * $4::interval AS due_at) AS limit_of_n) AS new
"""
INSERT_CASES: Final = """
    INSERT INTO dispatch.case_now ({names})
    SELECT {values}
      FROM dispatch.case_now
     CROSS JOIN generate_series(1, $3::integer) AS n
     WHERE case_id = $1
"""
SELECT_NAMES: Final = """
    SELECT attname FROM pg_attribute WHERE attrelid = 'dispatch.case_now'::regclass AND attnum > 0 AND NOT attisdropped
"""
SELECT_ORIGINAL: Final = "SELECT case_id FROM dispatch.case_now WHERE version = 1 AND status = 'dispatched' LIMIT 1"


async def measure_timers(folder: Path, size: BenchSize) -> dict[str, Measurement]:
    """Measure dispatch idle without timers, idle with many, and while they fire."""
    async with prepared_installation(folder, name="-timers") as installation:
        await installation.start("dispatch")
        await measure_bulk(installation, ReportStream(installation.city, seed=SEED), ORIGINALS)
        await _execute(installation, WITHOUT_TIMERS)
        none = await _idle(installation, size.idle_s)
        await installation.run_only()
        await _execute(installation, IN_A_MONTH, await installation.city_time() + timedelta(days=30))
        await copy_cases(installation.dsn, up_to=size.pending_timers)
        await installation.start("dispatch")
        pending = await _idle(installation, size.idle_s)
        fired = await _fire(installation, size.firing_timers)
    cores = {"none": _cores(none), "pending": _cores(pending)}
    idle = Measurement(
        cases=0,
        seconds=size.idle_s,
        figures={
            "pending": size.pending_timers,
            "idle_cores_without": cores["none"],
            "idle_cores": cores["pending"],
            "waiting_cores": cores["pending"] - cores["none"],
        },
        processors_of_others=pending.cpu.other_processors,
    )
    return {"timers_waiting": idle, "timers_firing": fired}


async def _idle(installation: BenchInstallation, seconds: float) -> Spent:
    await asyncio.sleep(SETTLE_S)
    before = await installation.usage()
    await asyncio.sleep(seconds)
    return spent_between(before, await installation.usage())


def _cores(spent: Spent) -> float:
    """Return the cores that dispatch and PostgreSQL used."""
    used = sum(spent.cpu.by_process.get(name, 0.0) for name in ("dispatch", "PostgreSQL"))
    return round(used / spent.cpu.seconds, 4)


async def _fire(installation: BenchInstallation, count: int) -> Measurement:
    """Write cases whose timers are due one a millisecond, and measure when each is in the log, and decided."""
    every = timedelta(milliseconds=1)
    async with LogOffsets.connected(installation) as logs:
        since = {topic: await logs.end_offsets(topic) for topic in (INBOX.name, CASES.name)}
    first = await installation.city_time() + FIRST_DUE
    await _write_cases(installation, count, first, every)
    before = await installation.usage()
    seen = await _arrivals(installation, since, count)
    after = await installation.usage()
    offset_s = (await installation.city_time()).timestamp() - time.time()
    fired = [seen[INBOX.name][key] + offset_s - at for key, at in seen["due"].items()]
    decided = [seen[CASES.name][key] + offset_s - at for key, at in seen["due"].items()]
    if len(seen["due"]) != count:
        raise AssertionError(f"{count} timers were due, and {len(seen['due'])} fired")
    figures = latencies("fired", fired) | latencies("decided", decided)
    duration_s = max(seen[INBOX.name].values()) - min(seen[INBOX.name].values())
    return make_measurement(count, duration_s, spent_between(before, after), **figures)


async def _write_cases(installation: BenchInstallation, count: int, first: datetime, every: timedelta) -> None:
    conn = await asyncpg.connect(installation.dsn, timeout=10)
    try:
        original = await conn.fetchval(SELECT_ORIGINAL)
        changed = {"case_id": "left($1, -32) || md5('timer' || n)", "next_due_at": "$2::timestamptz + n * $4::interval"}
        names = [row["attname"] for row in await conn.fetch(SELECT_NAMES)]
        values = ", ".join(changed.get(name, name) for name in names)
        statement = INSERT_CASES.format(names=", ".join(names), values=values)
        async with conn.transaction():
            for each in (INSERT_HISTORY, statement):
                await conn.execute(each, original, first, count, every, timeout=None)
        await conn.execute("ANALYZE dispatch.case_now", timeout=None)
    finally:
        await conn.close()


async def _arrivals(
    installation: BenchInstallation, since: Mapping[str, Mapping[int, int]], count: int
) -> dict[str, dict[str, float]]:
    """Return when each case's timer was due, and when its record and its step arrived here."""
    consumer = AIOKafkaConsumer(bootstrap_servers=installation.kafka.servers, enable_auto_commit=False)
    seen: dict[str, dict[str, float]] = {"due": {}, INBOX.name: {}, CASES.name: {}}
    await consumer.start()
    try:
        parts = {TopicPartition(topic, number): at for topic, ends in since.items() for number, at in ends.items()}
        consumer.assign(list(parts))
        for part, at in parts.items():
            consumer.seek(part, at)
        deadline = time.monotonic() + FIRST_DUE.total_seconds() + count / 1_000 + END_TIMEOUT_S
        while len(seen[CASES.name]) < count and time.monotonic() < deadline:
            installation.require_running()
            for part, records in (await consumer.getmany(timeout_ms=50)).items():
                _note(seen, part.topic, records, time.time())
    finally:
        await consumer.stop()
    return seen


def _note(seen: dict[str, dict[str, float]], topic: str, records: list[Any], at: float) -> None:
    for record in records:
        if topic == CASES.name:
            seen[topic].setdefault(record.key.decode(), at)
        else:
            timer = json.loads(record.value)
            seen[topic].setdefault(timer["case_id"], at)
            seen["due"][timer["case_id"]] = datetime.fromisoformat(timer["due_at"]).timestamp()


async def _execute(installation: BenchInstallation, statement: str, *values: object) -> None:
    conn = await asyncpg.connect(installation.dsn, timeout=10)
    try:
        await conn.execute(statement, *values, timeout=None)
    finally:
        await conn.close()
