"""Dead letters of the inbox: each gets an outcome, and no other record is affected."""

import json
from typing import Any

import asyncpg
import pytest

from paidan_chassis.clock import RealClock
from paidan_chassis.consumer.batch import Batch, DeadLetter, Record
from paidan_chassis.kafka.producer import MAX_VALUE_BYTES
from paidan_chassis.observability.metrics import Metrics
from paidan_dispatch.actions.requests import CityTerms
from paidan_dispatch.city_packs import PackCache
from paidan_dispatch.handlers import AnswersHandler, InboxHandler
from tests.dispatch import database_fixture
from tests.dispatch.applied_inbox import InboxRecords, apply_records
from tests.dispatch.inbox_entries import START_TIME, build_report, city_in_force


async def test_unreadable_record_is_dead_lettered_alone(pool: "asyncpg.Pool[Any]") -> None:
    first, second, wrong = build_report("1"), build_report("2", east_m=500), build_report("3")
    corrupted = wrong.model_dump_json().replace('"hotline"', '"HOT LINE"', 1).encode()
    log = InboxRecords().append(
        city_in_force(), first, b"\xff{", None, b"[]", b'{"type":"no.such.v1"}', corrupted, second
    )

    output = await apply_records(pool, log.records)

    assert [(reason, detail) for _, reason, detail in output.rejected] == [
        ("unreadable", "not JSON"),
        ("null_value", "there is no value"),
        ("invalid_field", "dict_type"),
        ("unknown_type", "type: not a known type"),
        ("invalid_field", "source: string_pattern_mismatch"),
    ]
    assert output.outcomes() == [("opened", None), ("dead_lettered", "invalid_field"), ("opened", None)]
    assert output.bodies_on("paidan.outcomes")[1]["id"] == wrong.report_id
    assert "HOT LINE" not in str(output.messages)


async def test_only_dead_lettered_outcomes_may_be_replaced(pool: "asyncpg.Pool[Any]") -> None:
    """A redrive appends the record again once the cause is gone."""
    report = build_report("1")
    corrupted = report.model_dump_json().replace('"hotline"', '"HOT LINE"', 1).encode()
    log = InboxRecords().append(city_in_force(), corrupted, corrupted, report, corrupted)

    for cut in (1000, 1):
        await database_fixture.clear_tables(pool)
        output = await apply_records(pool, log.records, batch_size=cut)

        assert [result for result, _ in output.outcomes()] == ["dead_lettered", "opened"]
        assert await pool.fetchval("SELECT result FROM outcome") == "opened"
    with pytest.raises(asyncpg.RestrictViolationError):
        await pool.execute("UPDATE outcome SET result = 'refused'")


async def test_non_text_header_dead_letters_its_record(pool: "asyncpg.Pool[Any]") -> None:
    record = InboxRecords().append(build_report("1")).records[0]

    output = await apply_records(pool, [record._replace(headers=(("other", b"\xff"), ("ce_type", b"\xff\xfe")))])

    assert [(reason, detail) for _, reason, detail in output.rejected] == [("bad_header", "ce_type: not UTF-8 text")]


@pytest.mark.parametrize("name", ["ce_\udcff", "ce_\x00", "ce_" + "x" * 500, "ce_\n", "ce_类型"])
@pytest.mark.parametrize("value", [None, b"\xff"])
async def test_unprintable_header_name_dead_letters_its_record(
    pool: "asyncpg.Pool[Any]", name: str, value: bytes | None
) -> None:
    """Names come from strangers, too: one that no message may hold must not be quoted in any."""
    record = InboxRecords().append(build_report("1")).records[0]

    output = await apply_records(pool, [record._replace(headers=((name, value), *record.headers))])

    assert [(reason, detail) for _, reason, detail in output.rejected] == [("bad_header", "?: not UTF-8 text")]
    assert output.outcomes() == [("dead_lettered", "invalid_field")]


async def test_pack_of_another_city_is_dead_lettered(pool: "asyncpg.Pool[Any]") -> None:
    output = await apply_records(pool, InboxRecords().append(city_in_force(city="other")).records)

    assert [reason for _, reason, _ in output.rejected] == ["invalid_field"]


async def test_records_rejected_by_the_consumer_get_an_outcome(pool: "asyncpg.Pool[Any]") -> None:
    """Poison that only PostgreSQL or the broker's limit finds bypasses the handler; its sender gets an outcome."""
    log = InboxRecords().append(city_in_force(), build_report("1"), build_report("2", east_m=500), b"nobody's")
    rejected = [DeadLetter(record, "too_large") for record in log.records[2:]]

    output = await apply_records(pool, log.records[:2], rejected=rejected)
    again = await apply_records(pool, [], rejected=rejected)

    assert output.outcomes() == [("opened", None), ("dead_lettered", "too_large")]
    assert output.bodies_on("paidan.outcomes")[1]["id"] == build_report("2").report_id
    assert again.messages == []


async def test_department_is_told_of_an_answer_that_the_consumer_rejected(pool: "asyncpg.Pool[Any]") -> None:
    """Whatever the reason: a record that only the database refuses, or one that ended its process."""
    value = b'{"case_id": "tiny.990101-%s", "id": "mine", "action": {"kind": "accept"}}' % (b"0" * 32)
    record = Record("paidan.answers.streets", 0, 7, b"k", value, (), START_TIME)
    nobodys = record._replace(topic="paidan.answers.nobody")
    async with pool.acquire() as conn:
        batch = Batch(conn, [], MAX_VALUE_BYTES, [DeadLetter(each, "ended_its_process") for each in (record, nobodys)])

        await AnswersHandler(RealClock(), CityTerms(PackCache())).apply(batch)

    [(cause, message)] = batch.messages
    body = json.loads(message.value)
    assert (cause, message.topic, body["your_id"]) == (record, "paidan.orders.streets", "mine")
    assert "ended_its_process" in body["why"]["message"]


async def test_outcomes_beside_a_dead_letter_are_counted_once(pool: "asyncpg.Pool[Any]") -> None:
    """A small batch is decided, found to hold a dead letter, and decided again in a transaction."""
    metrics = Metrics("dispatch")
    log = InboxRecords().append(city_in_force(), build_report("1"), b"{", build_report("2", east_m=500))

    handler = InboxHandler(PackCache(), metrics=metrics)
    await apply_records(pool, log.records[:1], handler_override=handler)
    await apply_records(pool, log.records[1:], handler_override=handler, prepares=True)

    assert 'paidan_outcomes_total{outcome="opened",service="dispatch"} 2.0' in metrics.render().decode()
