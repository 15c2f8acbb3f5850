"""Pages show what one may see, in words; what strangers wrote stays text."""

import re
from html import unescape
from typing import Any

import asyncpg
import httpx
import pytest

from paidan_cockpit.pages import desks
from paidan_contracts.places import Place
from paidan_contracts.state import CaseState
from tests.cockpit.cockpit_edge import build_settings, new_browser, open_site, signed_in
from tests.cockpit.database_fixture import apply_records
from tests.cockpit.markup import PLANTED, assert_harmless
from tests.cockpit.test_access import ENDLESS, TABLE, address
from tests.scoring import case_histories
from tests.scoring.case_histories import CaseMove, accept, assign
from tests.scoring.database_fixture import pack_bytes, pack_version, publish_pack


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


async def test_every_answer_tells_browsers_to_be_strict(
    site: httpx.ASGITransport, pool: "asyncpg.Pool[Any]", states: list[CaseState]
) -> None:
    async with signed_in(site, pool, "role:operator") as browser:
        for method, template in TABLE:
            if method == "POST" or "assets" in template or TABLE[method, template].status == ENDLESS:
                continue
            answer = await browser.get(address(template, states[0]))
            headers = answer.headers
            policy = headers["content-security-policy"]
            assert not re.search(r"unsafe|\*|https?:", policy), template
            assert "default-src 'none'" in policy
            assert "frame-ancestors 'none'" in policy
            assert "form-action 'self'" in policy
            assert headers["x-content-type-options"] == "nosniff"
            assert headers["referrer-policy"] == "same-origin"
            for isolated in ("cross-origin-opener-policy", "cross-origin-resource-policy"):
                assert headers[isolated] == "same-origin"
            assert "no-store" in headers["cache-control"]
            assert "strict-transport-security" not in headers
            if headers.get("content-type", "").startswith("text/html"):
                assert_harmless(answer.text)
        assert "default-src 'none'" in (await browser.get("/nothing-here")).headers["content-security-policy"]
    async with new_browser(site, **{"x-forwarded-proto": "https"}) as secure:
        assert (await secure.get("/sign-in")).headers["strict-transport-security"].startswith("max-age=")


async def test_what_strangers_wrote_stays_text_wherever_it_stands(
    site: httpx.ASGITransport, pool: "asyncpg.Pool[Any]", states: list[CaseState]
) -> None:
    paths = (
        "/queues?queue=open",
        f"/queues?queue=open&words={PLANTED}",
        f"/cases/{states[0].case_id}",
        f"/cases/{states[0].case_id}?done={PLANTED}",
    )
    async with signed_in(site, pool, "role:operator") as staff, signed_in(site, pool, "department:streets") as clerk:
        for path in paths:
            for browser in (staff, clerk):
                assert_harmless((await browser.get(path)).text)
        assert "&lt;script&gt;" in (await staff.get(f"/cases/{states[0].case_id}")).text
        assert_harmless((await clerk.get(f"/desk?near={PLANTED}")).text)
        table = await staff.get("/queues.csv")
        assert "dead-letters" not in (await staff.get("/queues")).text
    async with signed_in(site, pool, "role:operator", city="*") as operator:
        assert 'href="/system/dispatch/dead-letters"' in (await operator.get("/queues")).text
        assert re.search(r"UTC([+-]\d\d:\d\d)?, by real time", (await operator.get("/system")).text), "by which clock"
    assert table.headers["content-type"].startswith("text/csv")
    name = r'attachment; filename="tiny-[a-z]+-\d{4}-\d\d-\d\d-\d{4}\.csv"'
    assert re.fullmatch(name, table.headers["content-disposition"]), "of which moment it is"
    assert not re.search(r'(^|,)"?[=+\-@\t\r]', table.text, re.MULTILINE)


async def test_lists_filter_search_and_page(
    site: httpx.ASGITransport, pool: "asyncpg.Pool[Any]", states: list[CaseState]
) -> None:
    numbers = [state.case_id.rpartition("-")[2][:10] for state in states]
    expected = {
        "/queues": {1},
        "/queues?queue=open": {0, 1, 2},
        "/queues?queue=placing": {1},
        "/queues?queue=overdue": {0, 2},
        "/queues?queue=open&words=井盖": {0},
        "/queues?queue=open&words=盖松": {0},
        "/queues?queue=open&words=LAMP": {2},
        f"/queues?queue=open&words={numbers[1]}": {1},
        "/queues?queue=open&department=lamps": {2},
        "/queues?queue=open&district=9": set(),
        "/queues?queue=open&street=1-1": {0},
        "/queues?queue=all&order=oldest": {0, 1, 2},
    }
    async with signed_in(site, pool, "role:operator") as browser:
        for path, found in expected.items():
            page = (await browser.get(path)).text
            assert {at for at, number in enumerate(numbers) if f">{number}<" in page} == found, path


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
        lost = await browser.get("/casess", headers={"accept": "text/html"})
        assert (lost.status_code, "没有此页面" in lost.text) == (404, True)
        assert (await browser.get("/casess")).json()["error"]["code"] == "not_found"


async def test_a_case_is_shown_while_dispatch_is_down(
    site: httpx.ASGITransport, pool: "asyncpg.Pool[Any]", states: list[CaseState]
) -> None:
    async with signed_in(site, pool, "role:operator") as browser:
        answer = await browser.get(f"/cases/{states[0].case_id}")

    assert answer.status_code == 200
    assert "Dispatch does not answer now" in answer.text
    assert "井盖松动" in answer.text


async def test_a_clerk_finds_the_own_departments_cases_alone(
    site: httpx.ASGITransport, pool: "asyncpg.Pool[Any]", states: list[CaseState]
) -> None:
    async with signed_in(site, pool, "department:streets") as browser:
        table = (await browser.get("/queues.csv?queue=all&department=lamps")).text
        assert states[2].case_id not in table
        everything = (await browser.get("/queues.csv?queue=all")).text
        assert states[0].case_id in everything
        assert states[1].case_id not in everything


@pytest.mark.parametrize("accept", ["text/html", "application/json"])
async def test_a_form_that_is_too_much_is_refused_in_words(
    accept: str, site: httpx.ASGITransport, pool: "asyncpg.Pool[Any]", states: list[CaseState]
) -> None:
    photos = [("action.proof", ("a.jpg", b"photo", "image/jpeg"))] * 10
    path, multipart = f"/cases/{states[0].case_id}/actions/finish", {"content-type": "multipart/form-data; boundary=x"}
    async with signed_in(site, pool, "department:streets") as browser:
        browser.headers["accept"] = accept
        many = await browser.post(path, files=photos)
        large = await browser.post(path, content=b"--x", headers=multipart | {"content-length": "60000001"})
        broken = await browser.post(path, content=b"--", headers={"content-type": "multipart/form-data"})
    answers = ((many, 400, "too many photos"), (large, 413, "60 MB at most"), (broken, 400, "could not be read"))
    for answer, status, told in answers:
        assert answer.status_code == status
        assert told in (answer.text if accept == "text/html" else answer.json()["errors"][""])
        assert accept == "text/html" or answer.json()["result"] == "refused"


@pytest.mark.parametrize("name", ["lang", "theme"])
@pytest.mark.parametrize("path", ["//evil.example/", "/\\evil.example", "/sign-in", "/queues"])
async def test_a_chosen_language_leads_to_no_other_site(name: str, path: str, site: httpx.ASGITransport) -> None:
    async with new_browser(site) as browser:
        value = {"lang": "zh", "theme": "dark"}[name]
        request = browser.build_request("GET", "/")
        request.url = httpx.URL(f"http://cockpit{path}?{name}={value}&next=//evil.example")
        answer = await browser.send(request)
    location = answer.headers.get("location", "/")
    assert re.match(r"/(?![/\\])", location), location


async def test_a_desk_of_several_cities_stays_in_the_chosen_one(
    pool: "asyncpg.Pool[Any]", states: list[CaseState], monkeypatch: pytest.MonkeyPatch
) -> None:
    await publish_pack(pool, pack_bytes(city="other"))
    new = case_histories.new_case(4, pack=pack_version(pack_bytes()), text="井盖缺失")
    history = list(case_histories.history(new, [assign("streets"), accept]))
    await apply_records(pool, [case_histories.case_record(each, offset=50 + at) for at, each in enumerate(history)])
    monkeypatch.setattr(desks, "_SHOWN", 1)
    async with (
        open_site(pool, build_settings()) as site,
        signed_in(site, pool, "department:streets", city="*") as clerk,
    ):
        first = (await clerk.get("/desk?city=tiny")).text
        assert '<option value="other">' in first
        [further] = re.findall(r'rel="next" href="([^"]+)"', first)
        second = (await clerk.get(unescape(further))).text
        found = (await clerk.get("/desk?city=tiny&words=缺失")).text
    assert [each.case_id in first + second for each in (states[0], new)] == [True, True]
    assert [each.case_id in found for each in (states[0], new)] == [False, True]
    assert 'rel="first"' in second
    assert 'rel="first"' not in first
