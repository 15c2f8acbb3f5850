"""Pages show what one may see, in words; what strangers wrote stays text."""

import re
import uuid
from collections.abc import Mapping
from typing import Any, Final

import asyncpg
import httpx
import pytest

from paidan_contracts.places import Place
from paidan_contracts.state import CaseState
from tests.cockpit.cockpit_edge import new_browser, signed_in
from tests.cockpit.database_fixture import apply_records
from tests.scoring import case_histories
from tests.scoring.case_histories import CaseMove, accept, assign
from tests.scoring.database_fixture import pack_bytes, pack_version

PLANTED: Final = "<script>alert(1)</script><img src=x onerror=alert(2)>{{7*7}}"
KINDS: Final[Mapping[str, tuple[str, ...]]] = {
    "operator": ("role:operator",),
    "inspector": ("role:inspector",),
    "caller": ("role:caller",),
    "monitor": ("role:monitor",),
    "administrator": ("role:admin",),
    "clerk": ("department:streets",),
    "other clerk": ("department:lamps",),
    "source": ("source:hotline",),
    "auditor": ("role:auditor",),
    "security": ("role:security",),
}
STAFF: Final = {"operator", "inspector", "caller", "monitor", "administrator"}
OFFICE: Final = {"operator", "monitor", "administrator"}
READERS: Final[Mapping[str, set[str]]] = {
    "/overview": OFFICE,
    "/overview/map.json": OFFICE,
    "/overview/borders.json": OFFICE,
    "/overview/grid.json": OFFICE,
    "/queues": STAFF | {"clerk", "other clerk"},
    "/queues.csv": STAFF | {"clerk", "other clerk"},
    "/cases/{case_id}": STAFF | {"clerk"},
    "/city": STAFF,
    "/city/borders.json": STAFF,
    "/city/grid.json": STAFF,
    "/system": OFFICE,
    "/desk": {"clerk", "other clerk"},
    "/inspection": {"inspector"},
    "/callbacks": {"caller"},
}
"""Who may open each page, of the kinds of persons; the case is the department streets'."""
ELSEWHERE: Final[Mapping[str, tuple[str, set[str]]]] = {
    "/overview/stream": ("GET", {"operator", "monitor", "administrator"}),
    "/scores.csv": ("GET", {"operator", "monitor", "administrator", "clerk", "other clerk"}),
    "/scores": ("GET", {"operator", "monitor", "administrator", "clerk", "other clerk"}),
    "/scores/{score_id}": ("GET", {"operator", "monitor", "administrator", "clerk", "other clerk"}),
}
"""Routes that need another service, or never end: their readers are told otherwise than that there is nothing."""
OF_THE_CASE: Final[Mapping[str, tuple[str, int]]] = {
    "/cases/{case_id}/photos/{ref}": ("GET", 503),
    "/cases/{case_id}/actions/{kind}": ("POST", 403),
}
"""Routes for the readers of a case: what they are told while intake is down, and of a form without its token."""
OF_A_CALL: Final[Mapping[str, tuple[str, int]]] = {
    "/callbacks/{case_id}/{report_id}": ("GET", 503),
    "/callbacks/{case_id}/{report_id}/contact": ("POST", 403),
}
"""Routes for callers-back alone: what they are told while dispatch is down, and of a form without its token."""
OF_THE_INSTALLATION: Final[Mapping[str, tuple[str, int]]] = {
    "/system/dispatch/dead-letters": ("GET", 503),
    "/system/dispatch/dead-letters/{letter_id}": ("GET", 503),
    "/system/dispatch/dead-letters/{letter_id}/drop": ("POST", 403),
    "/system/dispatch/dead-letters/redrive": ("POST", 403),
    "/system/dispatch/halts/{halt_id}": ("POST", 403),
}
"""Routes for operators of all cities: what they are told while dispatch is down, and of a form without its token."""


@pytest.fixture(scope="module")
async def states(pool: "asyncpg.Pool[Any]") -> list[CaseState]:
    """Store three cases: one that streets works on with planted scripts in it, one that is held, one of lamps."""
    pack = pack_version(pack_bytes())
    place = Place(district="1", street="1-1", address=PLANTED[:200], latitude=36.65, longitude=117.1)
    new = [
        case_histories.new_case(1, pack=pack, text=f"井盖松动 {PLANTED}", place=place),
        case_histories.new_case(2, pack=pack, text="路灯不亮", held_because="no rule").model_copy(
            update={"place": Place()}
        ),
        case_histories.new_case(3, pack=pack, text="lamp post leans").model_copy(update={"place": Place()}),
    ]
    moves: list[list[CaseMove]] = [[assign("streets"), accept], [], [assign("lamps")]]
    histories = [list(case_histories.history(state, each)) for state, each in zip(new, moves, strict=True)]
    steps = [state for history in histories for state in history]
    await apply_records(pool, [case_histories.case_record(state, offset=at) for at, state in enumerate(steps)])
    return [history[-1] for history in histories]


def test_the_table_of_readers_names_every_page(site: httpx.ASGITransport) -> None:
    paths = {route.path for route in site.app.router.routes if hasattr(route, "path")}  # type: ignore[attr-defined] # FastAPI's

    open_to_all = {"/", "/sign-in", "/sign-in/{token}", "/sign-out", "/assets/{version}/{name:path}"}
    open_to_all |= {"/sessions", "/sessions/{session_id}/end"}
    of_every_service = {"/healthz", "/readyz", "/readyz/edge", "/metrics", "/docs", "/docs/assets", "/openapi.json"}
    pages = {path for path in paths if not path.startswith(("/v1/", "/.well-known/"))}
    of_installation = {path.replace("/dispatch/", "/{service}/") for path in OF_THE_INSTALLATION}
    known = {**READERS, **OF_THE_CASE, **OF_A_CALL, **ELSEWHERE}.keys() | of_installation
    assert pages - open_to_all - of_every_service == known


@pytest.mark.parametrize("kind", KINDS)
async def test_a_page_is_there_for_its_readers_alone(
    kind: str, site: httpx.ASGITransport, pool: "asyncpg.Pool[Any]", states: list[CaseState]
) -> None:
    async with signed_in(site, pool, *KINDS[kind]) as browser, new_browser(site) as stranger:
        for template, readers in READERS.items():
            path = template.format(case_id=states[0].case_id)
            assert (await browser.get(path)).status_code == (200 if kind in readers else 404), path
            answer = await stranger.get(path)
            assert (answer.status_code, answer.headers["location"]) == (303, "/sign-in")


@pytest.mark.parametrize("kind", KINDS)
async def test_what_other_services_know_is_for_its_readers_alone(
    kind: str, site: httpx.ASGITransport, pool: "asyncpg.Pool[Any]"
) -> None:
    async with signed_in(site, pool, *KINDS[kind]) as browser:
        for template, (method, readers) in ELSEWHERE.items():
            id_ = "00000000-0000-5000-8000-000000000001"
            path = template.format(score_id=id_, service="dispatch", id=id_, act="redrive")
            if template.endswith("/stream") and kind in readers:
                continue
            assert ((await browser.request(method, path)).status_code == 404) == (kind not in readers), path


@pytest.mark.parametrize("kind", KINDS)
async def test_what_belongs_to_a_case_is_there_for_its_readers_alone(
    kind: str, site: httpx.ASGITransport, pool: "asyncpg.Pool[Any]", states: list[CaseState]
) -> None:
    async with signed_in(site, pool, *KINDS[kind]) as browser, new_browser(site) as stranger:
        for template, (method, expected) in {**OF_THE_CASE, **OF_A_CALL}.items():
            path = template.format(case_id=states[0].case_id, ref="0" * 64 + ".jpg", kind="accept", report_id="r")
            readers = READERS["/cases/{case_id}"] if template in OF_THE_CASE else {"caller"}
            status = expected if kind in readers else 404
            assert (await browser.request(method, path)).status_code == status, path
            assert (await stranger.request(method, path)).status_code == 303


@pytest.mark.parametrize(
    ("scopes", "city", "operates"),
    [
        (("role:operator",), "*", True),
        (("role:operator",), "tiny", False),
        (("role:admin",), "*", False),
        (("role:monitor",), "*", False),
        (("department:streets",), "tiny", False),
    ],
)
async def test_what_is_of_no_single_city_is_there_for_operators_of_all_cities_alone(
    scopes: tuple[str, ...], city: str, operates: bool, site: httpx.ASGITransport, pool: "asyncpg.Pool[Any]"
) -> None:
    async with signed_in(site, pool, *scopes, city=city) as browser, new_browser(site) as stranger:
        for template, (method, expected) in OF_THE_INSTALLATION.items():
            path = template.format(letter_id=uuid.uuid4(), halt_id=1)
            answer = await browser.request(method, path)
            assert answer.status_code == (expected if operates else 404), path
            assert (await stranger.request(method, path)).status_code == 303


@pytest.mark.parametrize(
    ("bounds", "seen"),
    [
        (("place:1",), {0}),
        (("place:1-1",), {0}),
        (("place:9",), set()),
        (("class:E*",), {0, 1, 2}),
        (("class:E0110", "place:1"), {0}),
        (("class:C*",), set()),
    ],
)
async def test_a_post_that_is_bounded_to_classes_and_places_sees_those_alone(
    bounds: tuple[str, ...],
    seen: set[int],
    site: httpx.ASGITransport,
    pool: "asyncpg.Pool[Any]",
    states: list[CaseState],
) -> None:
    async with signed_in(site, pool, "role:operator", *bounds) as browser:
        table = (await browser.get("/queues.csv?queue=all")).text
        for at, state in enumerate(states):
            assert (state.case_id in table) == (at in seen)
            assert (await browser.get(f"/cases/{state.case_id}")).status_code == (200 if at in seen else 404)


async def test_a_person_of_another_city_sees_nothing_of_this_one(
    site: httpx.ASGITransport, pool: "asyncpg.Pool[Any]", states: list[CaseState]
) -> None:
    async with signed_in(site, pool, "role:operator", city="other") as browser:
        assert (await browser.get(f"/cases/{states[0].case_id}")).status_code == 404
        assert (await browser.get("/queues?city=tiny")).status_code == 404


async def test_what_strangers_wrote_stays_text(
    site: httpx.ASGITransport, pool: "asyncpg.Pool[Any]", states: list[CaseState]
) -> None:
    async with signed_in(site, pool, "role:operator") as browser:
        for path in ("/queues", f"/queues?words={PLANTED[:60]}", f"/cases/{states[0].case_id}"):
            page = (await browser.get(path)).text
            assert "<script>alert" not in page
            assert "<img src=x" not in page
            assert "49" not in re.findall(r"\{\{.*?\}\}|>49<", page)
        assert "&lt;script&gt;" in (await browser.get(f"/cases/{states[0].case_id}")).text


async def test_a_page_runs_no_script_of_its_text_and_is_stored_nowhere(
    site: httpx.ASGITransport, pool: "asyncpg.Pool[Any]", states: list[CaseState]
) -> None:
    async with signed_in(site, pool, "role:operator") as browser:
        answers = [await browser.get(path) for path in ("/queues", f"/cases/{states[0].case_id}", "/nothing-here")]
    policy = answers[0].headers["content-security-policy"]
    assert "'unsafe-inline'" not in policy
    assert "'unsafe-eval'" not in policy
    for answer in answers[:2]:
        assert answer.headers["content-security-policy"] == policy
        assert answer.headers["cache-control"] == "no-store"
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert not re.search(r"<[a-z][^>]*\s(on\w+|style)=|<style|<[a-z][^>]*javascript:", answer.text)
        assert not re.search(r"<script(?![^>]*\ssrc=)", answer.text)


async def test_lists_filter_search_and_page(
    site: httpx.ASGITransport, pool: "asyncpg.Pool[Any]", states: list[CaseState]
) -> None:
    numbers = [state.case_id.rpartition("-")[2][:10] for state in states]
    expected = {
        "/queues": {0, 1, 2},
        "/queues?queue=placing": {1},
        "/queues?queue=overdue": {0, 2},
        "/queues?words=井盖": {0},
        "/queues?words=盖松": {0},
        "/queues?words=LAMP": {2},
        f"/queues?words={numbers[1]}": {1},
        "/queues?department=lamps": {2},
        "/queues?district=9": set(),
        "/queues?queue=all&order=oldest": {0, 1, 2},
    }
    async with signed_in(site, pool, "role:operator") as browser:
        for path, found in expected.items():
            page = (await browser.get(path)).text
            assert {at for at, number in enumerate(numbers) if f">{number}<" in page} == found, path


async def test_a_clerk_finds_the_own_departments_cases_alone(
    site: httpx.ASGITransport, pool: "asyncpg.Pool[Any]", states: list[CaseState]
) -> None:
    async with signed_in(site, pool, "department:streets") as browser:
        table = (await browser.get("/queues.csv?queue=all&department=lamps")).text
        assert states[2].case_id not in table
        everything = (await browser.get("/queues.csv?queue=all")).text
        assert states[0].case_id in everything
        assert states[1].case_id not in everything


async def test_every_page_is_in_both_languages_and_remembers_the_choice(
    site: httpx.ASGITransport, pool: "asyncpg.Pool[Any]", states: list[CaseState]
) -> None:
    async with signed_in(site, pool, "role:operator") as browser:
        assert "Hard to place" in (await browser.get("/queues")).text
        answer = await browser.get("/queues?queue=placing&lang=zh")
        assert (answer.status_code, answer.headers["location"]) == (303, "/queues?queue=placing")
        page = (await browser.get("/queues?queue=placing")).text
        assert "难以定责" in page
        assert 'lang="zh-CN"' in page
        assert "派单服务暂无应答" in (await browser.get(f"/cases/{states[0].case_id}")).text


async def test_a_case_is_shown_while_dispatch_is_down(
    site: httpx.ASGITransport, pool: "asyncpg.Pool[Any]", states: list[CaseState]
) -> None:
    async with signed_in(site, pool, "role:operator") as browser:
        answer = await browser.get(f"/cases/{states[0].case_id}")

    assert answer.status_code == 200
    assert "Dispatch does not answer now" in answer.text
    assert "井盖松动" in answer.text
