"""Helpers, proofs, repeats and stage clocks on real tables: wherever a batch ends, the same is decided and written."""

from typing import Any, cast

import asyncpg
import pytest

from paidan_chassis.consumer.batch import Batch, PoisonRecord
from paidan_contracts.actions import Action, Inspect, Urge, Void
from paidan_contracts.department_actions import Accept, Finish, Return
from paidan_contracts.unit_actions import Confirm, HandOn
from paidan_dispatch.cases.timers import running_timers
from paidan_dispatch.city_packs import PackCache
from paidan_dispatch.handlers import InboxHandler
from tests.dispatch.applied_alike import applied_alike
from tests.dispatch.applied_inbox import BatchOutput, InboxRecords, apply_records
from tests.dispatch.database_fixture import clear_tables, due_timers, dump_tables, stored_states
from tests.dispatch.inbox_entries import build_action, build_report, case_id_of, city_in_force, photo_stored
from tests.dispatch.sample_log import sample_log

LAMP = build_report("lamp", class_code="C0137")
"""The pack's rule sends it to lamps, and names streets to help."""
ONE, TWO = build_report("1", east_m=500), build_report("2", east_m=900)
PHOTO = "a" * 64 + ".jpg"
STREETS, LAMPS, OLGA = "department:streets", "department:lamps", "operator:olga"


def helper_log(*more: tuple[Action, str]) -> InboxRecords:
    log = InboxRecords().append(city_in_force(), LAMP, photo_stored(case_id_of(LAMP), PHOTO, by=LAMPS))
    for number, (action, by) in enumerate(more, start=1):
        log.append(build_action(case_id_of(LAMP), action, by=by, minutes=number))
    return log


@pytest.mark.parametrize(
    ("end", "open_helpers"),
    [
        ((), ["streets"]),
        (((Return(code="other", reason="no"), STREETS),), []),
        (((Void(reason="x"), OLGA),), []),
        (((Finish(proof=(PHOTO,)), LAMPS), (Inspect(passed=True), "inspector:ivy")), []),
        (((Finish(proof=(PHOTO,)), LAMPS), (Inspect(passed=False, reason="x"), "inspector:ivy")), ["streets"]),
    ],
)
async def test_open_orders_to_help_are_listed_as_long_as_they_are_open(
    pool: "asyncpg.Pool[Any]", end: tuple[tuple[Action, str], ...], open_helpers: list[str]
) -> None:
    await applied_alike(pool, helper_log(*end))

    assert [row["department"] for row in await pool.fetch("SELECT department FROM helper")] == open_helpers


async def test_helper_answers_over_its_own_topic_and_is_told_of_refusals(pool: "asyncpg.Pool[Any]") -> None:
    output = await applied_alike(
        pool, helper_log((Accept(), STREETS), (Accept(), STREETS), (Finish(text="fenced"), STREETS), (Accept(), LAMPS))
    )

    messages = output.bodies_on("paidan.orders.streets")
    assert [each["type"] for each in messages] == ["order.issued.v1", "answer.refused.v1"]
    assert (messages[0]["order"]["role"], messages[0]["order"]["lead"]) == ("helper", "lamps")
    assert messages[1]["why"]["code"] == "not_allowed_in_state"
    assert [each for each in output.types() if "helper" in each] == ["case.helper_answered.v1"] * 2
    state = output.bodies_on("paidan.cases")[-1]["state"]
    assert (state["status"], state["helpers"][0]["text"]) == ("handling", "fenced")


async def test_order_that_is_handed_on_to_a_person_is_decided_alike_wherever_a_batch_ends(
    pool: "asyncpg.Pool[Any]",
) -> None:
    person = "10000000-0000-4000-8000-000000000001"
    output = await applied_alike(
        pool,
        helper_log(
            (HandOn(unit="lamps", person=person), LAMPS),
            (Finish(unit="lamps", text="lit", proof=(PHOTO,)), LAMPS),
            (Confirm(confirmed=False, reason="it flickers"), LAMPS),
        ),
    )

    assert [each for each in output.types() if "unit" in each or "handed" in each] == [
        "case.handed_on.v1",
        "case.unit_answered.v1",
        "case.unit_reworked.v1",
    ]
    orders = [each for each in output.bodies_on("paidan.orders.lamps") if each.get("order", {}).get("role") == "unit"]
    assert [(each["type"], each["order"]["person"]) for each in orders] == [
        ("order.issued.v1", person),
        ("order.changed.v1", person),
    ]
    [state] = (await stored_states(pool)).values()
    assert "unit_handle" in [each.kind for each in running_timers(state)]


async def test_source_may_urge_about_its_own_report_wherever_it_is(pool: "asyncpg.Pool[Any]") -> None:
    twin = build_report("app", source="photo", east_m=502)
    log = InboxRecords().append(city_in_force(), ONE, twin)
    for number, (source, report) in enumerate([("hotline", ONE), ("photo", twin), ("photo", ONE), ("hotline", twin)]):
        log.append(
            build_action(
                case_id_of(report),
                Urge(reason="again"),
                by=f"source:{source}",
                ref=f"u{number}",
                of_report=report.report_id,
            )
        )
    log.append(build_action(case_id_of(ONE), Urge(), by="source:hotline", ref="which"))

    output = await applied_alike(pool, log)

    assert output.outcomes()[2:] == [
        ("applied", None),
        ("applied", None),
        ("refused", "unknown_report"),
        ("refused", "unknown_report"),
        ("refused", "unknown_report"),
    ]
    urged = [each for each in output.bodies_on("paidan.orders.streets") if each["type"] == "order.urged.v1"]
    assert [each["reason"] for each in urged] == ["again", "again"]


async def test_a_case_is_due_with_its_first_timer_and_the_next_follows(
    pool: "asyncpg.Pool[Any]",
) -> None:
    """Lead and helper have four limits and inspection a fifth; each goes overdue once, in order of time."""
    log, seen = InboxRecords().append(city_in_force(), LAMP), []
    await apply_records(pool, log.records)
    applied = len(log.records)
    for _ in range(6):
        due = await due_timers(pool)
        log.append(*due, *due)
        output = await apply_records(pool, log.records[applied:])
        applied = len(log.records)
        seen += [(each["department"], each["clock"]) for each in output.bodies_on("paidan.cases")]

    assert sorted(seen) == [
        ("lamps", "accept"),
        ("lamps", "handle"),
        ("streets", "accept"),
        ("streets", "handle"),
    ]
    log.append(photo_stored(case_id_of(LAMP), PHOTO, by=LAMPS))
    log.append(build_action(case_id_of(LAMP), Finish(proof=(PHOTO,)), by=LAMPS, minutes=5000))
    await apply_records(pool, log.records[applied:])
    [inspect] = await due_timers(pool)
    applied = len(log.records)
    late = await apply_records(pool, log.append(inspect).records[applied:])
    assert [(each["type"], each["clock"]) for each in late.bodies_on("paidan.cases")] == [
        ("case.clock_overdue.v1", "inspect")
    ]
    assert await due_timers(pool) == []
    whole = [each.value for each in (await _replayed(pool, log)).messages if each.topic == "paidan.cases"]
    assert len(whole) == len(set(whole))


async def _replayed(pool: "asyncpg.Pool[Any]", log: InboxRecords) -> BatchOutput:
    written = await dump_tables(pool)
    await clear_tables(pool)
    output = await apply_records(pool, log.records, batch_size=3)
    assert await dump_tables(pool) == written
    return output


async def test_the_whole_life_of_cases_is_written_alike(pool: "asyncpg.Pool[Any]") -> None:
    await applied_alike(pool, sample_log())


async def test_a_part_that_fails_leaves_the_session_to_the_rollback(pool: "asyncpg.Pool[Any]") -> None:
    """The part before it is being written just then."""
    reports = [build_report(f"{n}", east_m=400 * n, text="字" * (2000 if n == 7 else 1)) for n in range(8)]
    log = InboxRecords().append(city_in_force(), *reports)
    handler = InboxHandler(PackCache(), part_records=3)
    async with pool.acquire() as conn:
        transaction = conn.transaction()
        await transaction.start()
        batch = Batch(cast("asyncpg.Connection[Any]", conn), log.records, max_message_bytes=5_000)
        with pytest.raises(PoisonRecord) as raised:
            await handler.apply(batch)
        assert raised.value.dead_letter.record.offset == len(reports)
        await transaction.rollback()

        assert not batch.is_session_busy
        assert await conn.fetchval("SELECT count(*) FROM case_now") == 0
