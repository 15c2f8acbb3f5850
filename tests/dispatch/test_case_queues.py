"""Lists of cases by every filter and pair, as a statement without an index finds them, and while cases move."""

import uuid
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import asyncpg
import pytest

from paidan_contracts.reports import JoinedReport
from paidan_dispatch.api.case_filter import CaseFilter
from paidan_dispatch.api.case_lists import list_cases, list_covered
from paidan_dispatch.api.case_query import CURSORS, CaseQuery
from paidan_dispatch.api.queries import OrderPage, PageKey, QueuedCase, load_open_orders
from tests.bench.queue_cases import copy_as_queues
from tests.bench.queue_filters import Choice, choices_of, find_filters
from tests.contracts.city_packs import load_tiny
from tests.dispatch.applied_inbox import apply_records
from tests.dispatch.builders import opened_case
from tests.dispatch.database_fixture import clear_tables, stored_states
from tests.dispatch.sample_log import sample_log

AT = datetime(2026, 3, 3, 2, 0, tzinfo=UTC)
PAGE = 20
PAGES = 4
WALKED = 30
"""Fewer than the cases that have ended, so that what is rare among them is found by their facets."""
Key = tuple[datetime, str]


@pytest.fixture(scope="module")
async def crowded(module_pool: "asyncpg.Pool[Any]") -> AsyncIterator["asyncpg.Pool[Any]"]:
    """Apply the sample log, and copy its cases: most of them ended, some filters rare, some common."""
    await clear_tables(module_pool)
    await apply_records(module_pool, sample_log().records, batch_size=1000)
    async with module_pool.acquire() as conn:
        await copy_as_queues(conn, load_tiny(), copies=60, open_copies=12, at=AT)
    yield module_pool
    await clear_tables(module_pool)


async def test_every_filter_and_pair_lists_what_a_statement_without_index_finds(
    crowded: "asyncpg.Pool[Any]",
) -> None:
    async with crowded.acquire() as conn:
        filters = await find_filters(conn, AT)
        stored = {each: await _found(conn, each) for each in choices_of(filters)}
    found_by_facets = 0
    for chosen, expected in stored.items():
        parameters = [parameter for each in chosen for parameter in each.parameters]
        wanted = CaseQuery.model_validate(_merged(parameters)).to_filter("tiny")

        oldest_first = len(expected) % 2 == 1

        listed = await _listed(crowded, replace(wanted, oldest_first=oldest_first))

        in_order = expected if oldest_first else expected[::-1]
        assert listed == in_order[: PAGES * PAGE], [each.name for each in chosen]
        found_by_facets += 0 < len(expected) < PAGE
    assert found_by_facets > 10
    assert len(stored[()]) > 3 * WALKED


async def test_words_are_found_page_by_page_with_other_filters(crowded: "asyncpg.Pool[Any]") -> None:
    states = (await stored_states(crowded)).values()
    word = next(each.text for each in states if "经十路" in each.text).rpartition("经十路")[2]
    for words, source in (
        ((word,), None),
        (("经十路", word[:1]), "photo"),
        (("没有这样的词",), None),
        (('"', "%"), None),
    ):
        expected = sorted(
            (each.reported_at, each.case_id)
            for each in states
            if all(one in each.text for one in words) and source in (None, each.source)
        )
        wanted = CaseFilter(city="tiny", words=words, source=source, oldest_first=True, limit=3)
        page = await list_covered(crowded, wanted, lambda _: True)
        found = page.cases
        while page.after is not None:
            page = await list_covered(crowded, replace(wanted, after=page.after), lambda _: True)
            found += page.cases

        assert [each.key[:2] for each in found] == expected
        assert bool(expected) == (words[0] in (word, "经十路"))


def test_words_stand_in_words_and_addresses_of_a_case_and_its_reports() -> None:
    joined = JoinedReport(
        report_id=str(uuid.uuid4()), source="photo", channel="photo", text="Lamp out", address="5 弄", recorded_at=AT
    )
    state = opened_case().model_copy(update={"text": "路灯不亮 NO.7", "joined": (joined,)})

    for words in (("路灯", "no.7"), ("LAMP",), ("5", "弄"), ("lamp out",)):
        assert CaseFilter(words=words).has_words(state), words
    for words in (("路灯", "NO.8"), ("不路",)):
        assert not CaseFilter(words=words).has_words(state), words


async def test_pages_neither_skip_nor_repeat_a_case_while_cases_are_closed_and_reported(
    crowded: "asyncpg.Pool[Any]",
) -> None:
    before = {key for key, _ in await _rows(crowded)}
    seen: list[Key] = []
    after = None
    while page := await list_cases(crowded, CaseFilter(city="tiny", limit=PAGE, after=after), walked=WALKED):
        seen += [(each.reported_at, each.case_id) for each in page]
        after = PageKey(*seen[-1])
        ended = "UPDATE case_now SET status = 'closed', ended_at = $1 WHERE case_id = $2"
        moved = next((key for key, is_open in await _rows(crowded) if is_open), None)
        if moved is not None:
            await crowded.execute(ended, AT, moved[1])
        await crowded.execute(
            "UPDATE case_now SET ended_at = NULL, status = 'inspecting' WHERE case_id = $1", seen[len(seen) // 2][1]
        )

    assert seen == sorted(set(seen), reverse=True)
    assert set(seen) == before


async def test_prioritised_open_cases_come_first_in_queues_and_pages_neither_skip_nor_repeat(
    crowded: "asyncpg.Pool[Any]",
) -> None:
    await crowded.execute(
        "UPDATE case_now SET priority = 1 + (hashtext(case_id) & 3) WHERE ended_at IS NULL AND version % 2 = 1"
    )
    for wanted, condition in (
        (CaseFilter(statuses=("dispatched", "handling")), "status IN ('dispatched', 'handling')"),
        (CaseFilter(statuses=("inspecting",)), "status = 'inspecting'"),
        (CaseFilter(held=True), "held"),
        (CaseFilter(overdue=True), "overdue"),
        (CaseFilter(due_soon=True), "due_soon AND ended_at IS NULL"),
        (CaseFilter(in_time=True, department="streets"),
         "next_due_at IS NOT NULL AND NOT overdue AND NOT due_soon AND ended_at IS NULL AND department = 'streets'"),
    ):  # fmt: skip
        for oldest_first, direction in ((True, "ASC"), (False, "DESC")):
            expected = await crowded.fetch(
                f"SELECT case_id, CASE WHEN ended_at IS NULL THEN priority END AS priority FROM case_now"
                f" WHERE {condition} AND city = 'tiny'"
                f" ORDER BY coalesce(priority, 0) DESC, reported_at {direction}, case_id {direction}"
            )
            listed: list[QueuedCase] = []
            asked = replace(wanted, city="tiny", oldest_first=oldest_first, limit=7)
            while True:
                page = await list_covered(crowded, asked, lambda _: True)
                listed += page.cases
                if page.after is None:
                    break
                asked = replace(asked, after=CURSORS.decode(CURSORS.encode(page.after)))
            assert [(each.state.case_id, each.priority) for each in listed] == [tuple(each) for each in expected], asked
    assert len({each.priority for each in listed}) > 2


async def test_orders_of_prioritised_cases_come_first_and_pages_neither_skip_nor_repeat(
    crowded: "asyncpg.Pool[Any]",
) -> None:
    whole = await load_open_orders(crowded, "streets", OrderPage("tiny", None, 10_000))
    listed: list[QueuedCase] = []
    page = OrderPage("tiny", None, 7)
    while found := await load_open_orders(crowded, "streets", page):
        listed += found
        page = page._replace(after=found[-1].key)

    assert listed == whole
    places = [(-(each.priority or 0), *each.key[:2]) for each in whole]
    assert places == sorted(places)
    assert len({priority for priority, *_ in places}) > 2


def _merged(parameters: list[tuple[str, str]]) -> dict[str, Any]:
    """Return query parameters as FastAPI hands them over."""
    return {name: [value] if name == "status" else value for name, value in parameters}


async def _found(conn: Any, chosen: tuple[Choice, ...]) -> list[Key]:  # noqa: ANN401
    condition = " AND ".join(["true", *(each.condition for each in chosen)])
    rows = await conn.fetch(f"SELECT reported_at, case_id FROM case_now WHERE {condition}")
    return sorted((row["reported_at"], row["case_id"]) for row in rows)


async def _rows(pool: "asyncpg.Pool[Any]") -> list[tuple[Key, bool]]:
    rows = await pool.fetch("SELECT reported_at, case_id, ended_at IS NULL AS is_open FROM case_now ORDER BY 1, 2")
    return [((row["reported_at"], row["case_id"]), row["is_open"]) for row in rows]


async def _listed(pool: "asyncpg.Pool[Any]", wanted: CaseFilter) -> list[Key]:
    """Return the cases of the first pages."""
    found: list[Key] = []
    after = None
    for _ in range(PAGES):
        cases = await list_cases(pool, replace(wanted, limit=PAGE, after=after), walked=WALKED)
        found += [(state.reported_at, state.case_id) for state in cases]
        if len(cases) < PAGE:
            break
        after = PageKey(*found[-1])
    return found
