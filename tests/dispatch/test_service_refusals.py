"""Refusals of the inbox handler, each with a reason for its sender."""

import asyncio
from typing import Any

import asyncpg
import pytest

from paidan_chassis.database import is_transient
from paidan_contracts.actions import CallBack, Inspect
from paidan_contracts.department_actions import Accept, Finish, Return
from paidan_contracts.extensible import Unknown
from paidan_contracts.unsupported_actions import CoHandle
from tests.dispatch.applied_inbox import InboxRecords, apply_batch, apply_records
from tests.dispatch.database_fixture import clear_tables, has_lock_waiter
from tests.dispatch.inbox_entries import build_action, build_report, case_id_of, city_in_force
from tests.polling import poll


@pytest.mark.parametrize(
    ("more", "code"),
    [
        ({"city": "nowhere", "area": "nowhere"}, "unknown_city"),
        ({"area": "tiny.999999"}, "unknown_area"),
        ({"area": "elsewhere"}, "unknown_area"),
    ],
)
async def test_report_from_an_unknown_city_is_refused(
    pool: "asyncpg.Pool[Any]", more: dict[str, Any], code: str
) -> None:
    output = await apply_records(pool, InboxRecords().append(city_in_force(), build_report("1", **more)).records)

    assert output.outcomes() == [("refused", code)]
    [why] = [each["why"] for each in output.bodies_on("paidan.outcomes")]
    for text in (why["message"], why["message_zh"]):
        assert more.get("area", "tiny") in text, "named in both languages"
    assert await pool.fetchval("SELECT result FROM outcome") == "refused"


async def test_an_action_is_refused_with_a_reason_that_its_department_gets_to_see(pool: "asyncpg.Pool[Any]") -> None:
    first = build_report("1")
    case_id, streets, lamps = case_id_of(first), "department:streets", "department:lamps"
    nobodys = "tiny-" + "0" * 32
    log = InboxRecords().append(
        city_in_force(),
        first,
        build_action(case_id, Finish(), by=streets, ref="unproved", answer_partition=0, answer_offset=7),
        build_action(case_id, Accept(), by=lamps),
        build_action(nobodys, Accept(), by=streets),
        build_action(case_id, CoHandle(), by=streets),
        build_action(case_id, Inspect(passed=True), by=streets),
        build_action(case_id, CallBack(rating="satisfied"), by="operator:olga"),
        build_action(case_id, Return(code=Unknown("too_far"), reason="far"), by=streets),
    )

    output = await apply_records(pool, log.records)

    codes = [code for result, code in output.outcomes() if result == "refused"]
    assert codes == [
        "proof_missing",
        "not_your_order",
        "unknown_case",
        "not_supported_yet",
        "doer_may_not_inspect",
        "not_your_role",
        "invalid_field",
    ]
    refused = [each for each in output.bodies_on("paidan.orders.streets") if each["type"] == "answer.refused.v1"]
    assert [each["why"]["code"] for each in refused] == [
        "proof_missing",
        "unknown_case",
        "not_supported_yet",
        "doer_may_not_inspect",
        "invalid_field",
    ]
    assert (refused[0]["your_id"], refused[0]["answer_offset"]) == ("unproved", 7)
    assert [each["why"]["code"] for each in output.bodies_on("paidan.orders.lamps")] == ["not_your_order"]
    assert output.types() == ["case.opened.v1"]


async def test_an_action_may_name_the_report_wherever_it_ended(pool: "asyncpg.Pool[Any]") -> None:
    """Its sender need not know whether the report opened a case or joined one."""
    first, twin = build_report("1"), build_report("2", east_m=5)
    unaccepted = build_report("3", area="tiny.999999")
    by_twin = build_action(case_id_of(twin), Accept(), by="department:streets", of_report=twin.report_id)
    by_unaccepted = build_action(
        case_id_of(unaccepted), Accept(), by="department:streets", of_report=unaccepted.report_id
    )
    log = InboxRecords().append(city_in_force(), first, twin, unaccepted, by_twin, by_unaccepted)

    for cut in (1000, 1):
        await clear_tables(pool)
        output = await apply_records(pool, log.records, batch_size=cut)

        assert output.outcomes()[-2:] == [("applied", None), ("refused", "unknown_case")]
        assert output.bodies_on("paidan.outcomes")[-2]["case_id"] == case_id_of(first)


async def test_naming_a_report_gives_no_access_to_another_area(pool: "asyncpg.Pool[Any]") -> None:
    """A key is for a city, judged by the area of the case that is named; another city's may share the partition."""
    first = build_report("1", area="tiny.990102")
    foreign_action = build_action("tiny.990101-" + "0" * 32, Accept(), by="importer:key", of_report=first.report_id)
    log = InboxRecords().append(city_in_force(), first, foreign_action)

    for cut in (1000, 1):
        await clear_tables(pool)
        output = await apply_records(pool, log.records, batch_size=cut)

        assert output.outcomes() == [("opened", None), ("refused", "unknown_case")]


async def test_case_of_another_partition_is_refused(pool: "asyncpg.Pool[Any]") -> None:
    """A record under a wrong key lands in a partition that does not own its case, which would get two histories."""
    first = build_report("1")
    log = InboxRecords().append(city_in_force(), first).append(city_in_force(), partition=1)
    log.append(
        build_action(case_id_of(first), Accept(), by="department:streets"), build_report("2", east_m=2), partition=1
    )

    for cut in (1000, 1):
        await clear_tables(pool)
        output = await apply_records(pool, log.records, batch_size=cut)

        assert output.outcomes() == [("opened", None), ("refused", "unknown_case"), ("opened", None)]


async def test_concurrent_outcomes_for_one_id_are_resolved_by_the_table(pool: "asyncpg.Pool[Any]") -> None:
    """A report sent again from a corrected place goes to another partition; the later commit is applied again."""
    await apply_records(pool, InboxRecords().append(city_in_force()).append(city_in_force(), partition=1).records)
    elsewhere = build_report("1", area="tiny.990102", digest="e" * 64)
    first, second = (
        InboxRecords().append(build_report("1")).records,
        InboxRecords().append(elsewhere, partition=1).records,
    )
    async with pool.acquire() as one:
        transaction = one.transaction()
        await transaction.start()
        await apply_batch(one, first)
        other = asyncio.create_task(apply_records(pool, second))
        await poll(lambda: has_lock_waiter(pool), what="the second batch waits for the first")
        await transaction.commit()

        with pytest.raises(asyncpg.SerializationError) as raised:
            await other

    assert is_transient(raised.value)
    assert (await apply_records(pool, second)).outcomes() == [("refused", "id_reused")]
