"""Each partition decides by the pack that its own log put in force."""

from typing import Any

import asyncpg
import pytest

from paidan_chassis.errors import Halt
from paidan_contracts.department_actions import Accept, Finish
from tests.dispatch.applied_inbox import InboxRecords, apply_records
from tests.dispatch.database_fixture import clear_tables, due_timers, pack_bytes, pack_version, publish_pack
from tests.dispatch.inbox_entries import build_action, build_report, case_id_of, city_in_force, photo_stored


async def test_partition_uses_the_pack_version_of_its_own_log(pool: "asyncpg.Pool[Any]") -> None:
    changed = pack_bytes().replace(b'"id":"rubbish","lead":"streets"', b'"id":"rubbish-2","lead":"lamps"')
    newer = await publish_pack(pool, changed)
    assert newer != pack_version()
    log = InboxRecords().append(city_in_force(), build_report("1"))
    log.append(city_in_force(), build_report("other partition", east_m=900), partition=1)
    log.append(city_in_force(of_version=newer), build_report("2", east_m=500))
    log.append(build_report("other partition 2", east_m=1300), partition=1)
    by_lane = sorted(log.records, key=lambda record: record.partition)

    for records, cut in ((by_lane, 1000), (log.records, 1)):
        await clear_tables(pool)
        output = await apply_records(pool, records, batch_size=cut)

        placed = {each["case_id"]: each["dispatched"]["placed_by"] for each in output.bodies_on("paidan.cases")}
        assert {case: each["rule"] for case, each in placed.items() if each["city_version"] == newer} == {
            case_id_of(build_report("2")): "rubbish-2"
        }
        assert sorted(each["rule"] for each in placed.values()) == ["rubbish", "rubbish", "rubbish", "rubbish-2"]


async def test_a_missing_pack_halts_the_lane(pool: "asyncpg.Pool[Any]") -> None:
    with pytest.raises(Halt, match="city_pack_missing"):
        await apply_records(pool, InboxRecords().append(city_in_force(of_version="f" * 64)).records)


async def test_timers_are_set_cancelled_and_fired_once(pool: "asyncpg.Pool[Any]") -> None:
    first = build_report("1")
    case_id, log = case_id_of(first), InboxRecords().append(city_in_force(), first)
    await apply_records(pool, log.records)
    [accept] = await due_timers(pool)
    log.append(accept, accept)
    log.append(build_action(case_id, Accept(), by="department:streets", minutes=30))
    log.append(accept)
    output = await apply_records(pool, log.records[2:], batch_size=2)
    [handle] = await due_timers(pool)
    log.append(handle, handle, accept)
    later = await apply_records(pool, log.records[6:], batch_size=2)

    assert [each.kind for each in (accept, handle)] == ["accept", "handle"]
    assert output.types() + later.types() == ["case.overdue.v1", "case.accepted.v1", "case.overdue.v1"]
    overdue = [*output.bodies_on("paidan.cases"), *later.bodies_on("paidan.cases")]
    assert [each["clock"] for each in overdue if each["type"] == "case.overdue.v1"] == ["accept", "handle"]
    assert await due_timers(pool) == []


async def test_finishing_cancels_the_handling_timer(pool: "asyncpg.Pool[Any]") -> None:
    first = build_report("1")
    case_id = case_id_of(first)
    log = InboxRecords().append(
        city_in_force(), first, build_action(case_id, Accept(), by="department:streets", minutes=1)
    )
    photo = "a" * 64 + ".jpg"
    log.append(photo_stored(case_id, photo, minutes=1))
    log.append(build_action(case_id, Finish(proof=(photo,)), by="department:streets", minutes=2))

    await apply_records(pool, log.records, batch_size=2)

    assert [each.kind for each in await due_timers(pool)] == ["inspect"]
