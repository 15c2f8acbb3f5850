"""Lists and counts show exactly what one may see of what one asked for, whichever table or index finds it."""

import random
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any, Final

import asyncpg
import pytest
from pydantic import TypeAdapter

from paidan_cockpit import queries as consumer_queries
from paidan_cockpit.case_events import CockpitCaseEvent
from paidan_cockpit.case_rows import NEVER, ReadModelRow, case_row
from paidan_cockpit.pages import overview_queries, queries
from paidan_cockpit.pages.case_summary import CaseSummary
from paidan_cockpit.pages.latest_city import LatestCity
from paidan_cockpit.pages.list_statements import is_active
from paidan_cockpit.pages.overview_queries import OverviewFilter, Visible
from paidan_cockpit.pages.precedence import Precedence
from paidan_cockpit.pages.queue_filter import Queue, QueueFilter
from paidan_cockpit.pages.search_terms import NamedCodes, SearchTerm
from paidan_cockpit.pages.visibility import Scope, may_see
from paidan_cockpit.rights import Person
from paidan_contracts.scopes import grants_of
from tests.scoring import case_histories

NOW: Final = case_histories.START
CASES: Final = 400
GRID: Final = frozenset({"1-2", "2-1"})
"""A work grid of two streets."""
RIGHTS: Final = (
    ("role:operator",),
    ("role:operator", "place:1"),
    ("role:operator", "place:2-1", "place:1-2", "class:E01*", "class:C0102"),
    ("role:operator", "class:*"),
    ("department:streets",),
)
FILTERS: Final = (
    QueueFilter(),
    QueueFilter(queue="placing", source="hotline"),
    QueueFilter(queue="planned"),
    QueueFilter(queue="verification", verifier="lane-7"),
    QueueFilter(queue="callback"),
    QueueFilter(queue="in-work"),
    QueueFilter(queue="overdue", order="oldest"),
    QueueFilter(queue="all"),
    QueueFilter(queue="all", status="voided", order="oldest"),
    QueueFilter(queue="all", status="handling", class_code="E0101"),
    QueueFilter(queue="all", class_code="E0101", district="1"),
    QueueFilter(queue="all", department="lamps", source="patrol"),
    QueueFilter(queue="all", words="路灯"),
    QueueFilter(queue="all", words="井盖 3", street="2-1"),
    QueueFilter(words="井盖"),
    QueueFilter(queue="escalated", level="listed"),
    QueueFilter(queue="escalated", answerable="leader=mayor"),
    QueueFilter(queue="all", helper="lamps", source="patrol"),
    QueueFilter(queue="requests"),
    QueueFilter(queue="requests", request="appeal", decides="dispatcher", department="lamps"),
    QueueFilter(queue="all", complaint="yes", order="oldest"),
)
MARKS: Final[tuple[tuple[str, ...], ...]] = (
    (),
    (),
    ("escalated", "leader=mayor", "level=listed"),
    ("complaint=lamps", "decides=dispatcher", "request=appeal"),
    ("decides=acceptor", "leader=mayor", "request=extension"),
)


LONG_AGO: Final = NOW - timedelta(minutes=9_000)
PRECEDENCES: Final = (
    Precedence(9, ("2",), (), LONG_AGO),
    Precedence(3, ("1-1",), ("E01*", "C0102")),
    Precedence(1, (), ("E0201",)),
)


def random_rows() -> Iterator[ReadModelRow]:
    """Yield cases in every state, of places, classes and departments that overlap."""
    opened = case_histories.case_event(case_histories.new_case(1, pack="0" * 64))
    plain = case_row(CockpitCaseEvent.model_validate_json(opened.model_dump_json()))
    rng = random.Random(5)  # noqa: S311 - a test has to be repeatable, not secret
    for number in range(CASES):
        status = rng.choice(("received", "filed", "dispatched", "handling", "inspecting", "closed", "closed", "voided"))
        district = rng.choice((None, "1", "2"))
        at = NOW - timedelta(minutes=rng.randrange(20_000))
        ends = status in ("closed", "voided")
        marks = rng.choice(MARKS)
        marks += {"filed": ("planned",), "received": ("verifier=lane-7",)}.get(status, ()) if number % 2 else ()
        due_at = NEVER if ends else at + timedelta(minutes=rng.randrange(40_000))
        yield plain._replace(
            case_id=f"tiny-{rng.getrandbits(128):032x}",
            number=f"{number:010x}",
            city=rng.choice(("tiny", "tiny", "tiny", "other")),
            status=status,
            source=rng.choice(("hotline", "patrol")),
            class_code=rng.choice((None, "E0101", "E0102", "E0201", "C0102", "C0103")),
            district=district,
            street=f"{district}-{rng.choice('12')}" if district else None,
            text=f"{rng.choice(('路灯', '井盖'))}坏了 {number % 5}",
            text_digest=number,
            department=rng.choice((None, "streets", "lamps")),
            helpers=rng.choice(([], ["streets"], ["lamps", "streets"])),
            hops=rng.choice((0, 0, 1)),
            awaits_call=status == "closed" and rng.random() < 0.3,
            past=rng.random() < 0.05,
            reported_at=at,
            ended_at=at + timedelta(hours=1) if ends else None,
            due_kind=None if ends else "handle",
            due_at=due_at,
            asks=any(each.startswith("request=") for each in marks),
            marks=list(marks),
        )


@pytest.fixture(scope="module")
async def cases(pool: "asyncpg.Pool[Any]") -> list[CaseSummary]:
    """Store the cases with their words, and return them as lists show them."""
    async with pool.acquire() as conn, conn.transaction():
        await consumer_queries.save_cases(conn, list(random_rows()), [])
    found = [await queries.find_case(pool, row.case_id) for row in random_rows()]
    return [each for each in found if each is not None]


def person_with(scopes: tuple[str, ...]) -> Person:
    """Return a person of the city."""
    return Person("1", "王敏", "tiny", "dispatcher", frozenset(scopes))


def is_in_queue(each: CaseSummary, queue: Queue) -> bool:
    """Return whether a case is in a queue."""
    is_open = each.ended_at is None
    return {
        "all": True,
        "callback": each.awaits_call,
        "escalated": is_open and "escalated" in each.marks,
        "requests": each.asks,
        "due-soon": is_open and NOW <= each.due_at < NOW + QueueFilter().soon,
        "in-work": each.status in ("dispatched", "handling"),
        "inspection": each.status == "inspecting",
        "open": is_open,
        "overdue": is_open and each.due_at < NOW,
        "placing": each.status == "filed" and "planned" not in each.marks,
        "planned": is_open and "planned" in each.marks,
        "returned": each.hops > 0 and each.status in ("filed", "dispatched"),
        "verification": each.status == "received",
    }[queue]


def expected_ids(cases: list[CaseSummary], scopes: tuple[str, ...], wanted: QueueFilter) -> list[str]:
    """Return what a list must show, in its order, from the rules alone."""
    person = person_with(scopes)
    found = [
        each
        for each in cases
        if each.city == "tiny"
        and may_see(person, each)
        and is_in_queue(each, wanted.queue)
        and all(
            getattr(wanted, name) in (None, getattr(each, name))
            for name in ("status", "department", "class_code", "district", "street", "source")
        )
        and all(word in each.text for word in wanted.words.split())
        and (wanted.helper is None or wanted.helper in each.helpers)
        and {*wanted.marks()} <= {*each.marks}
        and (not wanted.complaint or any(mark.startswith("complaint=") for mark in each.marks))
    ]
    if not wanted.by_report:
        return [each.case_id for each in sorted(found, key=lambda each: (each.due_at, each.case_id))]
    by_report = sorted(found, key=lambda each: (each.reported_at, each.case_id), reverse=wanted.newest_first)
    return [each.case_id for each in by_report]


def priority_of(summary: CaseSummary, wanted: QueueFilter) -> int:
    """Return how far a case comes before others in a list; 0: by the usual order."""
    if summary.ended_at is not None or not is_active(wanted) or wanted.word_list:
        return 0
    if summary.district == "2" and summary.reported_at < LONG_AGO:
        return 9
    if summary.street == "1-1" and summary.class_code in ("E0101", "E0102", "C0102"):
        return 3
    return 1 if summary.class_code == "E0201" else 0


async def shown_ids(
    pool: "asyncpg.Pool[Any]", scope: Scope, wanted: QueueFilter, precedences: Sequence[Precedence] = ()
) -> tuple[list[str], set[str]]:
    """Return the cases of a list, page by page, and those that it marks as coming first."""
    page = await queries.list_cases(pool, scope, wanted, 7, precedences=precedences)
    shown, first = [each.case_id for each in page.cases], set(page.first)
    while page.after is not None:
        page = await queries.list_cases(pool, scope, replace(wanted, after=page.after), 7, precedences=precedences)
        shown += [each.case_id for each in page.cases]
        first |= page.first
    return shown, first


@pytest.mark.parametrize("scopes", RIGHTS, ids=" ".join)
async def test_lists_page_through_what_the_rules_allow(
    scopes: tuple[str, ...], pool: "asyncpg.Pool[Any]", cases: list[CaseSummary]
) -> None:
    scope = Scope("tiny", grants_of(frozenset(scopes)), NOW)
    shown_of_any = 0
    for wanted in FILTERS:
        shown, _ = await shown_ids(pool, scope, wanted)
        assert shown == expected_ids(cases, scopes, wanted), wanted
        priorities = {each.case_id: priority_of(each, wanted) for each in cases}
        prioritised = await shown_ids(pool, scope, wanted, PRECEDENCES)
        in_order = sorted(shown, key=lambda case_id: -priorities[case_id])
        assert prioritised == (in_order, {each for each in shown if priorities[each]}), wanted
        counts = [await queries.count_cases(pool, scope, wanted, most) for most in (CASES, len(shown) - 1)]
        assert counts == [len(shown), None], wanted
        shown_of_any += len(shown)
        in_grid = await queries.list_cases(pool, replace(scope, grid_places=GRID), wanted, limit=500)
        lies_in = {each.case_id for each in cases if not GRID.isdisjoint((each.street, each.community))}
        assert [each.case_id for each in in_grid.cases] == [each for each in shown if each in lies_in], wanted
    assert shown_of_any


@pytest.mark.parametrize("scopes", RIGHTS, ids=" ".join)
@pytest.mark.parametrize(
    "named",
    [
        NamedCodes(places=("1", "2-2")),
        NamedCodes(departments=("lamps",)),
        NamedCodes(classes=("E0101", "C0102"), departments=("streets",)),
    ],
)
async def test_a_name_finds_what_has_it_in_its_text_and_what_is_of_it(
    scopes: tuple[str, ...], named: NamedCodes, pool: "asyncpg.Pool[Any]", cases: list[CaseSummary]
) -> None:
    scope, wanted = Scope("tiny", grants_of(frozenset(scopes)), NOW), QueueFilter(queue="all", words="井盖 3")
    terms = [SearchTerm(("井盖",), named), SearchTerm(("3",))]

    page = await queries.list_cases(pool, scope, wanted, 1000, terms)

    def fits(each: CaseSummary) -> bool:
        is_of_it = (
            {each.district, each.street} & {*named.places}
            or {each.department, *each.helpers} & {*named.departments}
            or each.class_code in named.classes
        )
        return "3" in each.text and bool("井盖" in each.text or is_of_it)

    everything = expected_ids(cases, scopes, replace(wanted, words=""))
    fitting = {each.case_id for each in cases if fits(each)}
    assert [each.case_id for each in page.cases] == [each for each in everything if each in fitting]


async def test_the_city_of_the_newest_case_is_where_one_of_several_cities_begins(
    pool: "asyncpg.Pool[Any]", cases: list[CaseSummary]
) -> None:
    newest = max(cases, key=lambda each: each.reported_at)
    others = {"tiny", "other"} - {newest.city}

    assert await LatestCity(pool).among(["empty", "other", "tiny"]) == newest.city
    assert await LatestCity(pool).among([*others, "empty"]) == min(others)
    assert await LatestCity(pool).among(["empty"]) is None


@pytest.mark.parametrize("scopes", RIGHTS, ids=" ".join)
async def test_counts_are_those_of_the_lists(
    scopes: tuple[str, ...], pool: "asyncpg.Pool[Any]", cases: list[CaseSummary]
) -> None:
    scope = Scope("tiny", grants_of(frozenset(scopes)), NOW)
    counts = await queries.count_queues(pool, scope, QueueFilter())
    for name, number in counts._asdict().items():
        queue: Queue = TypeAdapter(Queue).validate_python(name.replace("_", "-"))
        assert number == len(expected_ids(cases, scopes, QueueFilter(queue=queue))), queue
    own = await queries.count_queues(pool, scope, QueueFilter(), "dispatcher")
    decided = QueueFilter(queue="requests", decides="dispatcher")
    assert own == counts._replace(requests=len(expected_ids(cases, scopes, decided)))
    for district in ("1", "2"):
        groups = await overview_queries.count_open(pool, Visible(scope, OverviewFilter(district)))
        assert sum(group.open for group in groups) == len(expected_ids(cases, scopes, QueueFilter(district=district)))
