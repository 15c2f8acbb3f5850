"""Each partition decides by the pack that its own log put in force."""

import json
from typing import Any

import asyncpg
import pytest

from paidan_chassis.errors import Halt
from paidan_contracts.department_actions import Accept, Finish
from paidan_contracts.record_actions import Correct
from paidan_dispatch.api.case_filter import CaseFilter
from paidan_dispatch.api.case_lists import list_cases
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


async def test_numbers_count_on_alike_however_the_log_is_cut(pool: "asyncpg.Pool[Any]") -> None:
    """A batch that was rolled back, a new owner and a restored database give out the same numbers again."""
    pack = json.loads(pack_bytes()) | {"numbers": {"pattern": "T{yyyyMMdd}{seq4}", "source_refs": True}}
    version = await publish_pack(
        pool, json.dumps(pack, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode()
    )
    log = InboxRecords().append(city_in_force(of_version=version))
    reports = [build_report(f"n {number}", east_m=300 * number) for number in range(5)]
    twin = build_report("twin", east_m=1, minutes=1)
    log.append(*reports[:3], twin, *reports[3:])

    found = []
    for cut, prepares in ((1000, False), (1, True), (2, False)):
        await clear_tables(pool)
        output = await apply_records(pool, log.records, batch_size=cut, prepares=prepares)
        opened = [each for each in output.bodies_on("paidan.cases") if each["type"] == "case.opened.v1"]
        found.append([each["state"]["numbers"]["ours"] for each in opened])

    assert found == [[f"T20260302{number:04d}" for number in range(1, 6)]] * 3
    listed = [
        [state.case_id for state in await list_cases(pool, CaseFilter(number=number))]
        for number in ("T202603020002", "n 3", "twin", "T20260302")
    ]
    assert listed == [[case_id_of(reports[1])], [case_id_of(reports[3])], [case_id_of(reports[0])], []]


async def test_report_near_a_corrected_place_joins_its_case(pool: "asyncpg.Pool[Any]") -> None:
    first, later = build_report("1"), build_report("2", east_m=2000, minutes=9)
    moved = Correct(reason="misheard", latitude=later.place.latitude, longitude=later.place.longitude)
    log = InboxRecords().append(city_in_force(), first)
    log.append(build_action(case_id_of(first), moved, by="operator:olga", minutes=5))
    log.append(later, build_report("3", minutes=9))

    output = await apply_records(pool, log.records, batch_size=1)

    assert output.outcomes() == [("opened", None), ("applied", None), ("merged", None), ("opened", None)]
