"""The inbox handler on real tables: decided in order, written once, published in each case's order."""

from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Any

import asyncpg
import pytest
from pydantic import TypeAdapter

from paidan_contracts import ids
from paidan_contracts.actions import Amend, CallBack, File, Inspect
from paidan_contracts.cases import AnyCaseEvent
from paidan_contracts.department_actions import Accept, Finish
from paidan_contracts.orders import OrderMessage
from paidan_contracts.outcomes import OutcomeDecided
from paidan_contracts.reports import ImportedHistory, JoinedReport
from paidan_contracts.state import CaseState
from paidan_dispatch.api import queries
from paidan_dispatch.api.case_filter import CaseFilter
from paidan_dispatch.api.case_lists import list_cases
from paidan_dispatch.api.queries import OrderPage
from paidan_dispatch.cases.policy import CityPolicy
from paidan_dispatch.cases.reports import JOINED_KEPT
from paidan_dispatch.inbox.case_rows import awaits_callback, ended_at, is_held, is_overdue, pending_request
from paidan_dispatch.inbox.save import COPY_THRESHOLD
from paidan_dispatch.matching.match import candidate_of
from tests.contracts.city_packs import load_tiny
from tests.dispatch.applied_inbox import InboxRecords, apply_records
from tests.dispatch.database_fixture import clear_tables, dump_tables, stored_states
from tests.dispatch.inbox_entries import START_TIME, build_action, build_report, case_id_of, city_in_force, photo_stored
from tests.dispatch.sample_log import sample_log

Pool = asyncpg.Pool

FAR_FUTURE = datetime.max.replace(tzinfo=UTC)


async def test_a_case_is_followed_from_report_to_callback(pool: "asyncpg.Pool[Any]") -> None:
    output = await apply_records(pool, sample_log().records)

    one = case_id_of(build_report("1"))
    steps = [each["type"] for each in output.bodies_on("paidan.cases") if each["case_id"] == one]
    assert not output.rejected
    assert output.outcomes()[0] == ("opened", None)
    assert steps == [
        "case.opened.v1",
        "case.merged.v1",
        "case.accepted.v1",
        "case.finished.v1",
        "case.reworked.v1",
        "case.finished.v1",
        "case.closed.v1",
        "case.called_back.v1",
    ]
    assert [code for code in output.outcomes() if code[0] == "refused"] == []
    assert not output.rejected
    messages = [each["type"] for each in output.bodies_on("paidan.orders.streets") if each["order"]["case_id"] == one]
    assert messages == ["order.issued.v1", "order.changed.v1", "order.changed.v1", "order.withdrawn.v1"]


async def test_outcome_of_a_merged_report_says_whose_it_is_as_its_step_does(pool: "asyncpg.Pool[Any]") -> None:
    """It opens no case that would tell; whoever counts reports by source and day needs no other record."""
    opener = build_report("1")
    joining = build_report("2", minutes=7, source="photo")
    output = await apply_records(pool, InboxRecords().append(city_in_force(), opener, joining).records)

    opened, merged = output.bodies_on("paidan.outcomes")
    [step] = [each for each in output.bodies_on("paidan.cases") if each["type"] == "case.merged.v1"]
    told = {name: merged[name] for name in ("source", "channel", "recorded_at")}
    assert (opened["result"], merged["result"]) == ("opened", "merged")
    assert (told["source"], told["channel"], merged["id"]) == ("photo", "photo", step["report_id"])
    assert told == {name: step["report"][name] for name in told}
    assert told == {name: step["state"]["joined"][-1][name] for name in told}
    assert opened.keys() & told == set(), "of a case that opens its state tells"


async def test_where_a_batch_ends_changes_nothing(pool: "asyncpg.Pool[Any]") -> None:
    """Where a batch ends is up to Kafka; ids, versions, bytes and messages must not depend on it."""
    log = sample_log()
    whole = await apply_records(pool, log.records)
    written = await dump_tables(pool)

    for cut in (1, 2, 3, 7):
        await clear_tables(pool)
        assert (await apply_records(pool, log.records, batch_size=cut)).messages == whole.messages
        assert await dump_tables(pool) == written


async def test_small_and_large_batches_write_the_same_rows(pool: "asyncpg.Pool[Any]") -> None:
    """A large batch is copied in, a small one is inserted by one statement: the tables must not differ."""
    reports = [build_report(str(each), minutes=each, east_m=100 * each) for each in range(COPY_THRESHOLD + 1)]
    unreadable = build_report("of nowhere", area="tiny.none")
    log = InboxRecords().append(city_in_force(), *reports, unreadable)
    await apply_records(pool, log.records)
    copied = await dump_tables(pool)

    await clear_tables(pool)
    await apply_records(pool, log.records, batch_size=COPY_THRESHOLD // 4)

    assert len(copied["history"]) > COPY_THRESHOLD
    assert await dump_tables(pool) == copied


async def test_history_is_chained_and_cannot_be_changed(pool: "asyncpg.Pool[Any]") -> None:
    output = await apply_records(pool, sample_log().records, batch_size=4)

    one = case_id_of(build_report("1"))
    rows = await pool.fetch("SELECT version, event, chain FROM history WHERE case_id = $1 ORDER BY version", one)
    chain = bytes(32)
    for row, message in zip(
        rows, [m for m in output.messages if m.topic == "paidan.cases" and m.key == one], strict=True
    ):
        assert row["event"] == message.value
        chain = sha256(chain + row["event"]).digest()
        assert row["chain"] == chain
    assert await pool.fetchval("SELECT chain FROM case_now WHERE case_id = $1", one) == chain
    for change in ("UPDATE history SET version = 9", "DELETE FROM history", "TRUNCATE history", "DELETE FROM outcome"):
        with pytest.raises(asyncpg.RestrictViolationError):
            await pool.execute(change)


async def test_duplicate_is_dropped_and_reused_id_is_refused_once(pool: "asyncpg.Pool[Any]") -> None:
    first = build_report("1")
    other = first.model_copy(update={"digest": "e" * 64, "text": "something else"})
    again = first.model_copy(update={"digest": "f" * 64})
    act = build_action(case_id_of(first), Accept(), by="department:streets")
    log = InboxRecords().append(city_in_force(), first, first, other, other, again, act, act)

    for cut in (1000, 1):
        await clear_tables(pool)
        output = await apply_records(pool, [*log.records, *log.records], batch_size=cut)

        reused = [each for each in output.bodies_on("paidan.outcomes") if each["result"] == "refused"]
        assert [each["why"]["code"] for each in reused] == ["id_reused", "id_reused"]
        assert {each["repeats"] for each in reused} == {first.report_id}
        assert reused[0]["id"] == ids.reuse_refusal_id(first.report_id, "e" * 64)
        assert sorted(result for result, _ in output.outcomes()) == ["applied", "opened", "refused", "refused"]
        assert output.types() == ["case.opened.v1", "case.accepted.v1"]


async def test_every_message_matches_its_contract(pool: "asyncpg.Pool[Any]") -> None:
    """Events are built without validation; decoding validates every part, and encodes to the same bytes."""
    adapters: dict[str, TypeAdapter[Any]] = {
        "paidan.cases": TypeAdapter(AnyCaseEvent),
        "paidan.outcomes": TypeAdapter(OutcomeDecided),
        "paidan.orders.streets": TypeAdapter(OrderMessage),
    }

    output = await apply_records(pool, sample_log().records)

    assert {message.topic for message in output.messages} == set(adapters)
    for message in output.messages:
        adapter = adapters[message.topic]
        assert adapter.dump_json(adapter.validate_json(message.value), exclude_none=True) == message.value


def _indexed_log() -> InboxRecords:
    """Return a log in which cases are closed, reopened, refiled and voided."""
    log, department, operator = sample_log(), "department:streets", "operator:olga"
    again, refiled, moved = (
        build_report("4", east_m=1300),
        build_report("5", east_m=1700),
        build_report("6", class_code=None),
    )
    uncalled = build_report("7", east_m=2100)
    log.append(
        again, refiled, moved, uncalled, build_action(case_id_of(moved), File(row_id="C0137-1"), by=operator, minutes=5)
    )
    log.append(build_action(case_id_of(refiled), File(row_id="C0137-2"), by=operator, minutes=6))
    for each, letter in ((again, "c"), (uncalled, "d")):
        one, photo = case_id_of(each), letter * 64 + ".jpg"
        log.append(photo_stored(one, photo, minutes=5), build_action(one, Accept(), by=department, minutes=10))
        log.append(build_action(one, Finish(proof=(photo,)), by=department, minutes=10))
        log.append(build_action(one, Inspect(passed=True), by="inspector:ivy", minutes=10))
    log.append(build_action(case_id_of(again), CallBack(rating="dissatisfied"), by="caller:carl", minutes=10))
    past = build_report("8", source="records", past=ImportedHistory(owner="streets", matched_within="a"))
    corrected = Amend(reason="a mended mapping", occurred_at=START_TIME - timedelta(days=1), row_id="C0137-1")
    return log.append(past, build_action(case_id_of(past), corrected, by="importer:records", minutes=20))


async def test_reports_that_joined_are_kept_in_full(pool: "asyncpg.Pool[Any]") -> None:
    """More than the state holds, and longer."""
    reports = [build_report(f"{n}", minutes=n, text=f"{n} " + "字" * 600) for n in range(JOINED_KEPT + 5)]
    log = InboxRecords().append(city_in_force(), *reports)

    for cut in (1000, 3):
        await clear_tables(pool)
        await apply_records(pool, log.records, batch_size=cut)

        rows = await pool.fetch("SELECT * FROM case_report ORDER BY number")
        assert [(row["number"], str(row["report_id"])) for row in rows] == [
            (number, each.report_id) for number, each in enumerate(reports[1:], start=2)
        ]
        assert {row["case_id"] for row in rows} == {case_id_of(reports[0])}
        assert [JoinedReport.model_validate_json(row["report"]).text for row in rows] == [
            each.text for each in reports[1:]
        ]


async def test_every_state_is_read_back_as_it_was_published(pool: "asyncpg.Pool[Any]") -> None:
    """It is stored once, in the history, and found from the case's row by whoever needs it."""
    published = {}
    for body in (await apply_records(pool, _indexed_log().records, batch_size=3)).bodies_on("paidan.cases"):
        published[body["case_id"]] = CaseState.model_validate(body["state"])

    listed = await list_cases(pool, CaseFilter(limit=500))
    async with pool.acquire() as conn:
        found = [await queries.find_case(conn, case_id) for case_id in published]
        judged = await queries.load_cases_with_policy(conn, list(published))
    queued = await queries.load_open_orders(pool, "streets", OrderPage(city=None, after=None, limit=500))
    opened = [each.state for each in queued]

    assert await stored_states(pool) == published
    assert await pool.fetchval("SELECT count(*) FROM history WHERE pg_column_compression(event) = 'lz4'") > 0
    assert {state.case_id: state for state in listed} == published
    assert [each and each.state for each in found] == list(published.values())
    assert {case_id: each.state for case_id, each in judged.items()} == published
    assert opened
    assert all(published[state.case_id] == state for state in opened)


async def test_the_searched_columns_agree_with_the_document(pool: "asyncpg.Pool[Any]") -> None:
    """After every kind of change that affects the indexes: closing, reopening, refiling, ending."""
    log = _indexed_log()

    for cut in (1000, 1):
        await clear_tables(pool)
        await apply_records(pool, log.records, batch_size=cut)

        rows, states = await pool.fetch("SELECT * FROM case_now"), await stored_states(pool)
        statuses = set()
        for row in rows:
            state = states[row["case_id"]]
            found = candidate_of(state, CityPolicy.from_city(load_tiny()).match_rules)
            statuses.add((state.status, state.reopened))
            assert (row["version"], row["status"], row["department"]) == (state.version, state.status, state.department)
            assert (row["class_code"], row["ended_at"]) == (state.class_code, ended_at(state))
            assert row["reported_at"] == state.reported_at
            assert row["awaits_call"] == awaits_callback(state)
            assert (row["held"], row["overdue"]) == (is_held(state), is_overdue(state))
            assert row["pending_request"] == pending_request(state)
            assert row["square"] == (found.square if found else None)
            # asyncpg gives infinity without a zone
            assert row["recurs_until"].replace(tzinfo=UTC) == ((found and found.recurs_until) or FAR_FUTURE)
        assert {row["awaits_call"] for row in rows} == {True, False}
        assert statuses >= {("closed", 0), ("handling", 1), ("voided", 0), ("dispatched", 0)}
