"""Sessions end in time, at a new sign-in, by their owner and by who runs the system; who signed in is logged."""

import asyncio
import re
from typing import Any, Final

import asyncpg
import httpx
import pytest

from paidan_chassis.edge.api_keys import add_key, generate_key
from paidan_cockpit.accounts import hash_secret
from paidan_cockpit.pages import overview
from tests.cockpit.cockpit_edge import new_browser, signed_in
from tests.cockpit.database_fixture import add_link, add_person, apply_records
from tests.cockpit.test_sign_in import csrf_of
from tests.scoring import case_histories
from tests.scoring.database_fixture import pack_bytes, pack_version

RENEWS_ITSELF: Final = {"hx-request": "true"}


async def test_a_new_sign_in_ends_the_session_before_and_takes_no_secret_of_the_visitors(
    site: httpx.ASGITransport, pool: "asyncpg.Pool[Any]"
) -> None:
    async with signed_in(site, pool, "role:operator") as browser, new_browser(site) as old:
        before = browser.cookies["paidan_session"]
        token = await add_link(pool, await add_person(pool, "role:inspector"))
        assert (await browser.post("/sign-in", data={"token": token})).status_code == 303
        assert browser.cookies["paidan_session"] != before
        old.cookies.set("paidan_session", before)
        assert (await old.get("/sessions")).status_code == 303


async def test_a_session_ends_at_the_latest_when_it_was_to(
    site: httpx.ASGITransport, pool: "asyncpg.Pool[Any]"
) -> None:
    async with signed_in(site, pool, "role:caller") as browser:
        await pool.execute("UPDATE session SET seen_at = now(), expires_at = now() - interval '1 second'")
        assert (await browser.get("/sessions")).status_code == 303
        part = await browser.get("/sessions", headers=RENEWS_ITSELF)
        assert (part.status_code, part.text) == (401, ""), "no sign-in page is put into a part of another"


async def test_a_page_that_renews_itself_shows_nobodys_presence(
    site: httpx.ASGITransport, pool: "asyncpg.Pool[Any]"
) -> None:
    seen = "SELECT seen_at > now() - interval '5 minutes' FROM session WHERE session_id = $1"
    async with signed_in(site, pool, "role:caller") as browser:
        session = await pool.fetchval(
            "UPDATE session SET seen_at = now() - interval '10 minutes' WHERE hash = $1 RETURNING session_id",
            hash_secret(browser.cookies["paidan_session"]),
        )
        assert (await browser.get("/sessions", headers=RENEWS_ITSELF)).status_code == 200
        assert not await pool.fetchval(seen, session)
        assert (await browser.get("/sessions")).status_code == 200
        assert await pool.fetchval(seen, session)


async def test_one_ends_the_own_sessions_and_who_runs_the_system_everybodys(
    site: httpx.ASGITransport, pool: "asyncpg.Pool[Any]"
) -> None:
    person = await add_person(pool, "role:inspector")
    async with (
        new_browser(site) as first,
        new_browser(site) as second,
        signed_in(site, pool, "role:operator") as colleague,
        signed_in(site, pool, "role:admin") as administrator,
        signed_in(site, pool, "role:admin", city="other") as elsewhere,
    ):
        for browser in (first, second):
            await browser.post("/sign-in", data={"token": await add_link(pool, person)})
        ids = [
            str(row["session_id"])
            for row in await pool.fetch("SELECT session_id FROM session WHERE person_id = $1", person)
        ]
        assert await shows(first, ids) == 2
        assert await shows(colleague, ids) == 0
        assert await shows(elsewhere, ids) == 0
        assert await shows(administrator, ids) == 2

        assert await end(colleague, ids[0]) == 404
        assert await end(elsewhere, ids[0]) == 404
        assert await end(first, ids[1]) == 303
        assert [(await each.get("/sessions")).status_code for each in (first, second)] == [200, 303]
        assert await end(administrator, ids[0]) == 303
        assert await end(administrator, ids[0]) == 404
        assert (await first.get("/sessions")).status_code == 303
    logged = await pool.fetch(
        "SELECT detail FROM sign_in WHERE kind = 'session_ended' ORDER BY sign_in_id DESC LIMIT 2"
    )
    assert logged[1]["detail"] == f"by person_{person}"
    assert logged[0]["detail"].startswith("by person_")
    assert logged[0]["detail"] != logged[1]["detail"]


async def shows(browser: httpx.AsyncClient, session_ids: list[str]) -> int:
    """Return how many of these sessions the list shows."""
    page = (await browser.get("/sessions")).text
    return sum(each in page for each in session_ids)


async def end(browser: httpx.AsyncClient, session_id: str) -> int:
    data = {"csrf": csrf_of((await browser.get("/sessions")).text)}
    return (await browser.post(f"/sessions/{session_id}/end", data=data)).status_code


async def test_auditors_read_who_signed_in_and_nobody_else_does(
    site: httpx.ASGITransport, pool: "asyncpg.Pool[Any]"
) -> None:
    async with signed_in(site, pool, "role:operator"):
        pass
    token, key = generate_key(name="auditor", city="*", scopes=("role:auditor",))
    async with pool.acquire() as conn:
        await add_key(conn, "cockpit", key)
    async with new_browser(site, authorization=f"Bearer {token}") as auditor, new_browser(site) as nobody:
        events = (await auditor.get("/v1/audit/events")).json()["events"]
        assert (await nobody.get("/v1/audit/events")).status_code == 401
    signed = next(each for each in events if each["kind"] == "signed_in")
    assert re.fullmatch(r"person_[0-9a-f-]{36}", signed["actor"])
    assert signed["detail"] == "link"


@pytest.mark.parametrize(
    ("change", "number"), [("disabled_at = now()", 100), ("scopes = ARRAY['role:monitor', 'place:990101']", 200)]
)
async def test_an_open_stream_ends_with_its_session_and_with_its_persons_rights(
    site: httpx.ASGITransport, pool: "asyncpg.Pool[Any]", monkeypatch: pytest.MonkeyPatch, change: str, number: int
) -> None:
    monkeypatch.setattr(overview, "_CHECK_SESSION_EVERY_S", 0)
    async with signed_in(site, pool, "role:monitor") as browser, asyncio.timeout(20):
        stream = asyncio.create_task(browser.get("/overview/stream"))
        version, changed_at = pack_version(pack_bytes()), number + 2
        while not stream.done():
            number += 1
            opened = case_histories.new_case(number, pack=version)
            await apply_records(pool, [case_histories.case_record(opened, offset=number)])
            if number == changed_at:
                await pool.execute(f"UPDATE person SET {change} WHERE scopes = ARRAY['role:monitor']")
            await asyncio.wait([stream], timeout=0.5)
    assert stream.result().status_code == 200
    assert stream.result().text.endswith("event: signed-out\ndata: reload\n\n")
