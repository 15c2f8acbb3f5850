"""What the lanes do with a log: decided in order, written once, said in the case's own order."""

from datetime import UTC, datetime
from hashlib import sha256
from importlib import resources
from typing import Any

import asyncpg
import pytest
from pydantic import TypeAdapter

from paidan_contracts import ids
from paidan_contracts.actions import Accept, CallBack, File, Finish, Inspect
from paidan_contracts.cases import CaseStep
from paidan_contracts.orders import OrderMessage
from paidan_contracts.outcomes import OutcomeDecided
from paidan_dispatch.cases.policy import Bylaws
from paidan_dispatch.inbox.inserts import FEW
from paidan_dispatch.inbox.unit_of_work import Newest, awaits_call, ended_at
from paidan_dispatch.matching.match import seen
from tests.contracts.city_packs import tiny
from tests.dispatch import database_fixture as ground
from tests.dispatch.database_fixture import (
    Log,
    asked,
    case_of,
    in_force,
    play,
    report,
)
from tests.dispatch.sample_log import main_road

Pool = asyncpg.Pool

ALWAYS = datetime.max.replace(tzinfo=UTC)
CALLS = resources.files("paidan_dispatch.migrations") / "0002_pre_calls.sql"
CALLS_FILLED = next(part for part in CALLS.read_text().split(";") if part.strip().startswith("UPDATE"))


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


async def test_few_rows_and_many_are_written_alike(pool: "asyncpg.Pool[Any]") -> None:
    """A large batch is copied in, a small one is inserted by one statement: the tables must not tell which it was."""
    reports = [report(str(each), minutes=each, east_m=100 * each) for each in range(FEW)]
    unreadable = report("of nowhere", area="tiny.none")
    log = Log().say(in_force(), *reports, unreadable)
    await play(pool, log.records)
    copied = await ground.dump(pool)

    await ground.wipe(pool)
    await play(pool, log.records, cut=FEW // 4)

    assert len(copied["history"]) > FEW
    assert await ground.dump(pool) == copied


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


async def test_the_searched_columns_say_what_the_document_says(pool: "asyncpg.Pool[Any]") -> None:
    """Through every kind of change that moves a case in the indexes: closing, reopening, refiling, ending."""
    log, doer, olga = main_road(), "department:streets", "operator:olga"
    again, refiled, moved = report("4", east_m=1300), report("5", east_m=1700), report("6", class_code=None)
    uncalled = report("7", east_m=2100)
    log.say(again, refiled, moved, uncalled, asked(case_of(moved), File(row_id="C0137-1"), by=olga, minutes=5))
    log.say(asked(case_of(refiled), File(row_id="C0137-2"), by=olga, minutes=6))
    for action, by in (
        (Accept(), doer),
        (Finish(proof=("a" * 64 + ".jpg",)), doer),
        (Inspect(passed=True), "inspector:ivy"),
    ):
        log.say(*(asked(case_of(each), action, by=by, minutes=10) for each in (again, uncalled)))
    log.say(asked(case_of(again), CallBack(rating="dissatisfied"), by="caller:carl", minutes=10))

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
            assert row["awaits_call"] == awaits_call(state)
            assert row["square"] == (found.square if found else None)
            # asyncpg gives infinity without a zone
            assert row["recurs_until"].replace(tzinfo=UTC) == ((found and found.recurs_until) or ALWAYS)
        assert {row["awaits_call"] for row in rows} == {True, False}
        assert statuses >= {("closed", 0), ("handling", 1), ("voided", 0), ("dispatched", 0)}
        kept = await ground.dump(pool)
        await pool.execute("UPDATE case_now SET awaits_call = false")
        await pool.execute(CALLS_FILLED)
        assert await ground.dump(pool) == kept, "what was there before the column came is filled in alike"
