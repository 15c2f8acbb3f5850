"""Each partition decides by the pack that its own log put in force."""

import json
from datetime import timedelta
from typing import Any

import asyncpg
import pytest

from paidan_chassis.errors import Halt
from paidan_contracts.actions import Verify
from paidan_contracts.department_actions import Accept, Finish
from paidan_contracts.emergencies import EmergencyInForce, EmergencyOver
from paidan_contracts.record_actions import Correct
from paidan_dispatch.api.case_filter import CaseFilter
from paidan_dispatch.api.case_lists import list_cases
from tests.dispatch.applied_inbox import InboxRecords, apply_records
from tests.dispatch.database_fixture import clear_tables, due_timers, pack_bytes, pack_version, publish_pack
from tests.dispatch.emergency_cases import declared
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


async def test_emergency_of_an_area_is_kept_also_before_its_citys_pack_is_read(pool: "asyncpg.Pool[Any]") -> None:
    """From then on it is decided by, so that it must be found again after a restart."""
    declaration = declared().model_copy(update={"city": "tiny"})
    over = EmergencyOver(
        area="tiny", declaration_id=declaration.declaration_id, ended_at=declaration.begins_at + timedelta(days=1)
    )
    log = InboxRecords().append(EmergencyInForce(area="tiny", declaration=declaration), city_in_force(), over)

    await apply_records(pool, log.records[:2], batch_size=1)
    begun = await pool.fetch("SELECT area, lane, ended_at FROM emergency_area")
    await apply_records(pool, log.records[2:])
    ended = await pool.fetch("SELECT area, lane, ended_at FROM emergency_area")

    assert [tuple(each) for each in begun] == [("tiny", 0, None)]
    assert [tuple(each) for each in ended] == [("tiny", 0, over.ended_at)]


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


async def test_cameras_record_of_false_alarms_is_its_lanes_log(pool: "asyncpg.Pool[Any]") -> None:
    """After one alarm that was not true the camera's next is verified, wherever a batch ends."""
    document = json.loads(pack_bytes())
    rule = {"id": "false-alarms", "names": {"zh": "误报", "en": "False alarms"}, "verify": True}
    document["verification"] = {"trust": [{**rule, "false_alarms": {"share": 0.5, "judged": 1}}]}
    version = await publish_pack(pool, json.dumps(document).encode())
    pole: dict[str, Any] = {"source": "camera", "camera": "pole 7"}
    unsure = build_report("1", confidence=0.7, **pole)
    sure = build_report("2", confidence=0.99, east_m=500, **pole)
    elsewhere = build_report("3", confidence=0.99, east_m=900, source="camera", camera="pole 8")
    false_alarm = build_action(case_id_of(unsure), Verify(verified=False, reason="x"), by="inspector:ivy", minutes=5)
    log = InboxRecords().append(city_in_force(of_version=version), unsure, false_alarm, sure, elsewhere)

    for cut in (1, 1000):
        await clear_tables(pool)
        output = await apply_records(pool, log.records, batch_size=cut)

        opened = [each["state"] for each in output.bodies_on("paidan.cases") if each["type"] == "case.opened.v1"]
        required = [each.get("clocks", [{}])[-1].get("verification", {}).get("required_by", {}) for each in opened[:2]]
        assert [each["status"] for each in opened] == ["received", "received", "dispatched"]
        assert [each["rule"] for each in required] == ["source", "false-alarms"]
        assert await pool.fetch("SELECT source, camera, judged, false_alarms FROM camera_record") == [
            ("camera", "pole 7", 1, 1)
        ]


async def test_patrols_are_told_of_their_tasks(pool: "asyncpg.Pool[Any]") -> None:
    document = json.loads(pack_bytes())
    post = {"id": "steward", "names": {"zh": "管家", "en": "Steward"}, "duty": "steward"}
    document |= {"posts": [post], "verification": {"duties": ["steward"]}}
    version = await publish_pack(pool, json.dumps(document).encode())
    report = build_report("1", source="camera", confidence=0.7)
    answer = build_action(case_id_of(report), Verify(verified=True), by="inspector:ivy", minutes=5)

    output = await apply_records(pool, InboxRecords().append(city_in_force(of_version=version), report, answer).records)

    told = output.bodies_on("paidan.tasks")
    assert [each["type"] for each in told] == ["task.issued.v1", "task.ended.v1"]
    assert told[0]["task"]["post"] == "steward"
    assert told[1]["because"] == "answered"
    assert told[0]["task"]["task_id"] == told[1]["task"]["task_id"]
    assert output.types()[1:] == ["case.verification_answered.v1", "case.filed.v1", "case.dispatched.v1"]
