"""What a lane decides by: the pack and the clocks that its own log put in force."""

from typing import Any

import asyncpg
import pytest

from paidan_chassis.consumer.errors import Halt
from paidan_contracts.actions import Accept, Finish
from tests.dispatch import database_fixture as ground
from tests.dispatch.database_fixture import (
    Log,
    asked,
    case_of,
    in_force,
    play,
    report,
)


async def test_a_lane_decides_by_the_version_that_its_own_log_put_in_force(pool: "asyncpg.Pool[Any]") -> None:
    changed = ground.pack().replace(b'"id":"rubbish","lead":"streets"', b'"id":"rubbish-2","lead":"lamps"')
    newer = await ground.publish(pool, changed)
    assert newer != ground.version()
    log = Log().say(in_force(), report("1"))
    log.say(in_force(), report("other lane", east_m=900), lane=1)
    log.say(in_force(of=newer), report("2", east_m=500))
    log.say(report("other lane 2", east_m=1300), lane=1)
    by_lane = sorted(log.records, key=lambda record: record.partition)

    for records, cut in ((by_lane, 1000), (log.records, 1)):
        await ground.wipe(pool)
        heard = await play(pool, records, cut=cut)

        placed = {each["case_id"]: each["placed_by"] for each in heard.on("paidan.cases") if "placed_by" in each}
        assert {case: each["rule"] for case, each in placed.items() if each["city_version"] == newer} == {
            case_of(report("2")): "rubbish-2"
        }
        assert sorted(each["rule"] for each in placed.values()) == ["rubbish", "rubbish", "rubbish", "rubbish-2"]


async def test_a_missing_pack_halts_the_lane(pool: "asyncpg.Pool[Any]") -> None:
    with pytest.raises(Halt, match="city_pack_missing"):
        await play(pool, Log().say(in_force(of="f" * 64)).records)


async def test_clocks_are_set_stopped_and_noted_once(pool: "asyncpg.Pool[Any]") -> None:
    first = report("1")
    case_id, log = case_of(first), Log().say(in_force(), first)
    await play(pool, log.records)
    rows = {row["kind"]: row for row in await pool.fetch("SELECT * FROM timer")}
    assert set(rows) == {"accept", "handle"}

    log.say(ground.due(rows["accept"]), ground.due(rows["accept"]))
    log.say(asked(case_id, Accept(), by="department:streets", minutes=30))
    log.say(ground.due(rows["accept"]), ground.due(rows["handle"]), ground.due(rows["handle"]))
    heard = await play(pool, log.records[2:], cut=2)

    assert heard.types() == ["case.overdue.v1", "case.accepted.v1", "case.overdue.v1"]
    assert [each["clock"] for each in heard.on("paidan.cases") if each["type"] == "case.overdue.v1"] == [
        "accept",
        "handle",
    ]
    assert await pool.fetchval("SELECT count(*) FROM timer") == 0


async def test_finishing_stops_the_handling_clock(pool: "asyncpg.Pool[Any]") -> None:
    first = report("1")
    case_id = case_of(first)
    log = Log().say(in_force(), first, asked(case_id, Accept(), by="department:streets", minutes=1))
    log.say(asked(case_id, Finish(proof=("a" * 64 + ".jpg",)), by="department:streets", minutes=2))

    await play(pool, log.records, cut=2)

    assert await pool.fetchval("SELECT count(*) FROM timer") == 0
