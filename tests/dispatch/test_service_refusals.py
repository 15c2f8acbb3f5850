"""What the lanes refuse, with a reason that its sender gets to see."""

import asyncio
from typing import Any

import asyncpg
import pytest

from paidan_chassis.database import is_transient
from paidan_contracts.actions import Accept, AskExtension, CallBack, Finish, Inspect, Return
from tests.dispatch import database_fixture as ground
from tests.dispatch.database_fixture import (
    Log,
    asked,
    case_of,
    in_force,
    play,
    report,
)
from tests.polling import poll


@pytest.mark.parametrize(
    ("more", "code"),
    [
        ({"city": "nowhere", "area": "nowhere"}, "unknown_city"),
        ({"area": "tiny.999999"}, "unknown_area"),
        ({"area": "elsewhere"}, "unknown_area"),
    ],
)
async def test_a_report_from_where_nobody_is_is_refused(
    pool: "asyncpg.Pool[Any]", more: dict[str, Any], code: str
) -> None:
    heard = await play(pool, Log().say(in_force(), report("1", **more)).records)

    assert heard.outcomes() == [("refused", code)]
    assert await pool.fetchval("SELECT result FROM outcome") == "refused"


async def test_an_action_is_refused_with_a_reason_that_its_department_gets_to_see(pool: "asyncpg.Pool[Any]") -> None:
    first = report("1")
    case_id, streets, lamps = case_of(first), "department:streets", "department:lamps"
    nobodys = "tiny-" + "0" * 32
    log = Log().say(
        in_force(),
        first,
        asked(case_id, Finish(), by=streets, ref="too early", answer_partition=0, answer_offset=7),
        asked(case_id, Accept(), by=lamps),
        asked(nobodys, Accept(), by=streets),
        asked(case_id, AskExtension(), by=streets),
        asked(case_id, Inspect(passed=True), by=streets),
        asked(case_id, CallBack(rating="satisfied"), by="operator:olga"),
        asked(case_id, Return(code="other", reason=" "), by=streets),
    )

    heard = await play(pool, log.records)

    codes = [code for result, code in heard.outcomes() if result == "refused"]
    assert codes == [
        "not_allowed_in_state",
        "not_your_order",
        "unknown_case",
        "not_supported_yet",
        "doer_may_not_inspect",
        "not_your_role",
        "reason_missing",
    ]
    refused = [each for each in heard.on("paidan.orders.streets") if each["type"] == "answer.refused.v1"]
    assert [each["why"]["code"] for each in refused] == [
        "not_allowed_in_state",
        "unknown_case",
        "not_supported_yet",
        "doer_may_not_inspect",
        "reason_missing",
    ]
    assert (refused[0]["your_id"], refused[0]["answer_offset"]) == ("too early", 7)
    assert [each["why"]["code"] for each in heard.on("paidan.orders.lamps")] == ["not_your_order"]
    assert heard.types() == ["case.opened.v1", "case.dispatched.v1"]


async def test_an_action_may_name_the_report_wherever_it_ended(pool: "asyncpg.Pool[Any]") -> None:
    """An importer closes a record without knowing whether its report opened a case or joined one."""
    first, twin = report("1"), report("2", east_m=5)
    nobody = report("3", area="tiny.999999")
    by_twin = asked(case_of(twin), Accept(), by="importer:key", of_report=twin.report_id)
    by_nobody = asked(case_of(nobody), Accept(), by="importer:key", of_report=nobody.report_id)
    log = Log().say(in_force(), first, twin, nobody, by_twin, by_nobody)

    for cut in (1000, 1):
        await ground.wipe(pool)
        heard = await play(pool, log.records, cut=cut)

        assert heard.outcomes()[-2:] == [("applied", None), ("refused", "unknown_case")]
        assert heard.on("paidan.outcomes")[-2]["case_id"] == case_of(first)


async def test_naming_a_report_opens_no_other_area(pool: "asyncpg.Pool[Any]") -> None:
    """A key is for a city, judged by the area of the case that is named; another city's may lie in the same lane."""
    first = report("1", area="tiny.990102")
    poses = asked("tiny.990101-" + "0" * 32, Accept(), by="importer:key", of_report=first.report_id)
    log = Log().say(in_force(), first, poses)

    for cut in (1000, 1):
        await ground.wipe(pool)
        heard = await play(pool, log.records, cut=cut)

        assert heard.outcomes() == [("opened", None), ("refused", "unknown_case")]


async def test_nobody_touches_a_case_of_another_lane(pool: "asyncpg.Pool[Any]") -> None:
    """A record under a wrong key lands in a lane that does not own its case: two owners would write one history."""
    first = report("1")
    log = Log().say(in_force(), first).say(in_force(), lane=1)
    log.say(asked(case_of(first), Accept(), by="department:streets"), report("2", east_m=2), lane=1)

    for cut in (1000, 1):
        await ground.wipe(pool)
        heard = await play(pool, log.records, cut=cut)

        assert heard.outcomes() == [("opened", None), ("refused", "unknown_case"), ("opened", None)]


async def test_two_lanes_that_decide_one_id_at_once_are_settled_by_the_table(pool: "asyncpg.Pool[Any]") -> None:
    """A report sent again from a corrected place goes to another lane; whoever commits later applies its batch anew."""
    await play(pool, Log().say(in_force()).say(in_force(), lane=1).records)
    elsewhere = report("1", area="tiny.990102", digest="e" * 64)
    first, second = Log().say(report("1")).records, Log().say(elsewhere, lane=1).records
    async with pool.acquire() as one:
        transaction = one.transaction()
        await transaction.start()
        await ground.apply(one, first)
        other = asyncio.create_task(play(pool, second))
        await poll(lambda: ground.is_waiting(pool), what="the second lane waits for the first")
        await transaction.commit()

        with pytest.raises(asyncpg.SerializationError) as raised:
            await other

    assert is_transient(raised.value)
    assert (await play(pool, second)).outcomes() == [("refused", "id_reused")]
