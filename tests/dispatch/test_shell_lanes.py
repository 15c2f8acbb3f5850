"""What the lanes do with a log: decided in order, written once, said in the case's own order."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC
from hashlib import sha256
from typing import Any

import asyncpg
import pytest
from pydantic import TypeAdapter

from paidan_chassis.database import is_transient
from paidan_chassis.failures import Halt
from paidan_contracts import ids
from paidan_contracts.actions import Accept, AskExtension, CallBack, File, Finish, Inspect, Return, Void
from paidan_contracts.cases import CaseStep
from paidan_contracts.orders import OrderMessage
from paidan_contracts.outcomes import OutcomeDecided
from paidan_dispatch.bylaws import Bylaws
from paidan_dispatch.ledger import Newest, ended_at
from paidan_dispatch.matching import seen
from paidan_dispatch.writes import ALWAYS
from tests import servers as real
from tests.contracts.city_packs import tiny
from tests.dispatch import shell_ground as ground
from tests.dispatch.shell_ground import Log, asked, case_of, in_force, play, report
from tests.polling import poll

Pool = asyncpg.Pool


@pytest.fixture(scope="module")
async def module_pool(servers: real.Servers) -> AsyncIterator["asyncpg.Pool[Any]"]:
    async with real.fresh_database(servers) as dsn, ground.open_ground(dsn) as opened:
        yield opened


@pytest.fixture
async def pool(module_pool: "asyncpg.Pool[Any]") -> "asyncpg.Pool[Any]":
    await ground.wipe(module_pool)
    return module_pool


def main_road() -> Log:
    """One case from report to callback, another that is returned, a third that is voided."""
    first, second, third = report("1"), report("2", east_m=500), report("3", east_m=900)
    log = Log().say(in_force(), first, second, third, report("1b", minutes=5, east_m=10))
    one, two, three = map(case_of, (first, second, third))
    doer, inspector = "department:streets", "inspector:ivy"
    log.say(asked(one, Accept(), by=doer, minutes=10), asked(two, Return(code="not_our_duty", reason="no"), by=doer))
    log.say(asked(one, Finish(proof=("a" * 64 + ".jpg",)), by=doer, minutes=60))
    log.say(asked(one, Inspect(passed=False, reason="still dirty"), by=inspector, minutes=70))
    log.say(asked(one, Finish(proof=("b" * 64 + ".jpg",)), by=doer, minutes=90))
    log.say(asked(three, Void(reason="a joke"), by="operator:olga", minutes=91))
    log.say(asked(one, Inspect(passed=True), by=inspector, minutes=95))
    return log.say(asked(one, CallBack(rating="satisfied"), by="caller:carl", minutes=200))


async def test_a_case_is_followed_from_report_to_callback(pool: "asyncpg.Pool[Any]") -> None:
    heard = await play(pool, main_road().records)

    one = case_of(report("1"))
    steps = [each["type"] for each in heard.on("paidan.cases") if each["case_id"] == one]
    assert not heard.buried
    assert heard.outcomes()[0] == ("opened", None)
    assert steps == [
        "case.opened.v1",
        "case.dispatched.v1",
        "case.merged.v1",
        "case.accepted.v1",
        "case.finished.v1",
        "case.reworked.v1",
        "case.finished.v1",
        "case.closed.v1",
        "case.called_back.v1",
    ]
    assert [code for code in heard.outcomes() if code[0] == "refused"] == []
    assert not heard.buried
    told = [each["type"] for each in heard.on("paidan.orders.streets") if each["order"]["case_id"] == one]
    assert told == ["order.issued.v1", "order.changed.v1", "order.changed.v1", "order.withdrawn.v1"]


async def test_where_a_batch_ends_changes_nothing(pool: "asyncpg.Pool[Any]") -> None:
    """Kafka cuts batches where it likes; ids, versions, bytes and messages must not notice."""
    log = main_road()
    whole = await play(pool, log.records)
    written = await ground.dump(pool)

    for cut in (1, 2, 3, 7):
        await ground.wipe(pool)
        assert (await play(pool, log.records, cut=cut)).said == whole.said
        assert await ground.dump(pool) == written


async def test_history_is_chained_and_cannot_be_changed(pool: "asyncpg.Pool[Any]") -> None:
    heard = await play(pool, main_road().records, cut=4)

    one = case_of(report("1"))
    rows = await pool.fetch("SELECT version, event, chain FROM history WHERE case_id = $1 ORDER BY version", one)
    chain = bytes(32)
    for row, message in zip(rows, [m for m in heard.said if m.topic == "paidan.cases" and m.key == one], strict=True):
        assert row["event"] == message.value
        chain = sha256(chain + row["event"]).digest()
        assert row["chain"] == chain
    assert await pool.fetchval("SELECT chain FROM case_now WHERE case_id = $1", one) == chain
    for change in ("UPDATE history SET version = 9", "DELETE FROM history", "TRUNCATE history", "DELETE FROM outcome"):
        with pytest.raises(asyncpg.RestrictViolationError):
            await pool.execute(change)


async def test_a_repeat_is_dropped_and_another_body_under_its_id_is_refused_once(pool: "asyncpg.Pool[Any]") -> None:
    first = report("1")
    other = first.model_copy(update={"digest": "e" * 64, "text": "something else"})
    again = first.model_copy(update={"digest": "f" * 64})
    act = asked(case_of(first), Accept(), by="department:streets")
    log = Log().say(in_force(), first, first, other, other, again, act, act)

    for cut in (1000, 1):
        await ground.wipe(pool)
        heard = await play(pool, [*log.records, *log.records], cut=cut)

        reused = [each for each in heard.on("paidan.outcomes") if each["result"] == "refused"]
        assert [each["why"]["code"] for each in reused] == ["id_reused", "id_reused"]
        assert {each["repeats"] for each in reused} == {first.report_id}
        assert reused[0]["id"] == ids.reused_id(first.report_id, "e" * 64)
        assert sorted(result for result, _ in heard.outcomes()) == ["applied", "opened", "refused", "refused"]
        assert heard.types() == ["case.opened.v1", "case.dispatched.v1", "case.accepted.v1"]


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


async def test_an_unreadable_record_is_buried_and_its_neighbours_are_not(pool: "asyncpg.Pool[Any]") -> None:
    first, second, wrong = report("1"), report("2", east_m=500), report("3")
    spoilt = wrong.model_dump_json().replace('"hotline"', '"HOT LINE"', 1).encode()
    log = Log().say(in_force(), first, b"\xff{", None, b"[]", b'{"type":"no.such.v1"}', spoilt, second)

    heard = await play(pool, log.records)

    assert [(reason, detail) for _, reason, detail in heard.buried] == [
        ("unreadable", "not JSON"),
        ("null_value", "there is no value"),
        ("invalid_field", "dict_type"),
        ("unknown_type", "type: not a type that anybody knows here"),
        ("invalid_field", "source: string_pattern_mismatch"),
    ]
    assert heard.outcomes() == [("opened", None), ("dead_lettered", "invalid_field"), ("opened", None)]
    assert heard.on("paidan.outcomes")[1]["id"] == wrong.report_id
    assert "HOT LINE" not in str(heard.said)


async def test_what_was_dead_lettered_may_be_decided_after_all_and_nothing_else(pool: "asyncpg.Pool[Any]") -> None:
    """A redrive appends the record again once the cause is gone."""
    said = report("1")
    spoilt = said.model_dump_json().replace('"hotline"', '"HOT LINE"', 1).encode()
    log = Log().say(in_force(), spoilt, spoilt, said, spoilt)

    for cut in (1000, 1):
        await ground.wipe(pool)
        heard = await play(pool, log.records, cut=cut)

        assert [result for result, _ in heard.outcomes()] == ["dead_lettered", "opened"]
        assert await pool.fetchval("SELECT result FROM outcome") == "opened"
    with pytest.raises(asyncpg.RestrictViolationError):
        await pool.execute("UPDATE outcome SET result = 'refused'")


async def test_a_header_that_is_not_text_buries_its_record(pool: "asyncpg.Pool[Any]") -> None:
    record = Log().say(report("1")).records[0]

    heard = await play(pool, [record._replace(headers=(("other", b"\xff"), ("ce_type", b"\xff\xfe")))])

    assert [(reason, detail) for _, reason, detail in heard.buried] == [("bad_header", "ce_type: not UTF-8 text")]


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


async def test_a_pack_under_another_citys_name_is_buried(pool: "asyncpg.Pool[Any]") -> None:
    heard = await play(pool, Log().say(in_force(city="other")).records)

    assert [reason for _, reason, _ in heard.buried] == ["invalid_field"]


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


async def test_nobody_touches_a_case_of_another_lane(pool: "asyncpg.Pool[Any]") -> None:
    """A record under a wrong key lands in a lane that does not own its case: two owners would write one history."""
    first = report("1")
    log = Log().say(in_force(), first).say(in_force(), lane=1)
    log.say(asked(case_of(first), Accept(), by="department:streets"), report("2", east_m=2), lane=1)

    for cut in (1000, 1):
        await ground.wipe(pool)
        heard = await play(pool, log.records, cut=cut)

        assert heard.outcomes() == [("opened", None), ("refused", "unknown_case"), ("opened", None)]


async def test_what_the_consumer_itself_sets_aside_comes_to_an_end_too(pool: "asyncpg.Pool[Any]") -> None:
    """Poison that only PostgreSQL or the broker's limit finds is buried without its handler; its sender is told."""
    log = Log().say(in_force(), report("1"), report("2", east_m=500), b"nobody's")
    doomed = [(record, "too_large", "") for record in log.records[2:]]

    heard = await play(pool, log.records[:2], doomed=doomed)
    again = await play(pool, [], doomed=doomed)

    assert heard.outcomes() == [("opened", None), ("dead_lettered", "too_large")]
    assert heard.on("paidan.outcomes")[1]["id"] == report("2").report_id
    assert again.said == []


async def test_all_that_is_said_is_as_its_contract_has_it(pool: "asyncpg.Pool[Any]") -> None:
    """Events are made without being checked; reading them back checks every part, and writes the same bytes."""
    adapters: dict[str, TypeAdapter[Any]] = {
        "paidan.cases": TypeAdapter(CaseStep),
        "paidan.outcomes": TypeAdapter(OutcomeDecided),
        "paidan.orders.streets": TypeAdapter(OrderMessage),
    }

    heard = await play(pool, main_road().records)

    assert {message.topic for message in heard.said} == set(adapters)
    for message in heard.said:
        adapter = adapters[message.topic]
        assert adapter.dump_json(adapter.validate_json(message.value), exclude_none=True) == message.value


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


async def test_the_searched_columns_say_what_the_document_says(pool: "asyncpg.Pool[Any]") -> None:
    """Through every kind of change that moves a case in the indexes: closing, reopening, refiling, ending."""
    log, doer, olga = main_road(), "department:streets", "operator:olga"
    again, refiled, moved = report("4", east_m=1300), report("5", east_m=1700), report("6", class_code=None)
    log.say(again, refiled, moved, asked(case_of(moved), File(row_id="C0137-1"), by=olga, minutes=5))
    log.say(asked(case_of(refiled), File(row_id="C0137-2"), by=olga, minutes=6))
    for action, by in (
        (Accept(), doer),
        (Finish(proof=("a" * 64 + ".jpg",)), doer),
        (Inspect(passed=True), "inspector:ivy"),
        (CallBack(rating="dissatisfied"), "caller:carl"),
    ):
        log.say(asked(case_of(again), action, by=by, minutes=10))

    for cut in (1000, 1):
        await ground.wipe(pool)
        await play(pool, log.records, cut=cut)

        rows = await pool.fetch("SELECT * FROM case_now")
        statuses = set()
        for row in rows:
            state = Newest.model_validate_json(row["step"]).state
            found = seen(state, Bylaws.of(tiny()))
            statuses.add((state.status, state.reopened))
            assert (row["version"], row["status"], row["department"]) == (state.version, state.status, state.department)
            assert (row["class_code"], row["ended_at"]) == (state.class_code, ended_at(state))
            assert row["square"] == (found.square if found else None)
            # asyncpg gives infinity without a zone
            assert row["recurs_until"].replace(tzinfo=UTC) == ((found and found.recurs_until) or ALWAYS)
        assert statuses >= {("closed", 0), ("handling", 1), ("voided", 0), ("dispatched", 0)}
