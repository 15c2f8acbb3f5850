"""A link signs in once; a session can be ended; forms of other sites do nothing."""

import re
from typing import Any

import asyncpg
import httpx
import pytest

from tests.cockpit.cockpit_edge import ORIGIN, new_browser, signed_in
from tests.cockpit.database_fixture import add_link, add_person


async def kinds(pool: "asyncpg.Pool[Any]") -> list[str]:
    return [row["kind"] for row in await pool.fetch("SELECT kind FROM sign_in ORDER BY sign_in_id")]


async def test_a_link_signs_in_once_and_a_look_at_it_uses_nothing_up(
    site: httpx.ASGITransport, pool: "asyncpg.Pool[Any]"
) -> None:
    token = await add_link(pool, await add_person(pool, "role:operator"))
    async with new_browser(site) as browser, new_browser(site) as second:
        for _ in range(2):
            assert "Dispatcher" in (await browser.get(f"/sign-in/{token}")).text
        before = await kinds(pool)
        assert (await browser.post("/sign-in", data={"token": token})).status_code == 303
        assert (await second.post("/sign-in", data={"token": token})).status_code == 410
        assert (await second.get(f"/sign-in/{token}")).status_code == 410
        assert (await browser.get("/queues")).status_code == 200
        assert (await second.get("/queues")).status_code == 303
    assert (await kinds(pool))[len(before) :] == ["signed_in", "link_refused"]


async def test_a_link_leads_to_the_page_that_was_wanted(site: httpx.ASGITransport, pool: "asyncpg.Pool[Any]") -> None:
    """Somebody opens the address that a colleague sent, is asked to sign in, and then opens the link."""
    person = await add_person(pool, "role:operator")
    async with new_browser(site, accept="text/html,*/*") as browser:
        assert (await browser.get("/queues?queue=placing&words=井盖")).headers["location"] == "/sign-in"
        await browser.get("/overview/stream", headers={"accept": "text/event-stream"})
        wanted = await browser.post("/sign-in", data={"token": await add_link(pool, person)})
        again = await browser.post("/sign-in", data={"token": await add_link(pool, person)})

        assert wanted.headers["location"] == "/queues?queue=placing&words=%E4%BA%95%E7%9B%96"
        assert (await browser.get(wanted.headers["location"])).status_code == 200
        assert again.headers["location"] == "/"


@pytest.mark.parametrize(
    "kept", ["//evil.example", "%2F%2Fevil.example", "/\\evil.example", "https://evil.example", "/%0d%0ax:y", "%09/x"]
)
async def test_a_link_leads_to_no_other_site(kept: str, site: httpx.ASGITransport, pool: "asyncpg.Pool[Any]") -> None:
    token = await add_link(pool, await add_person(pool, "role:operator"))
    async with new_browser(site, cookie=f"paidan_wanted_page={kept}") as browser:
        answer = await browser.post("/sign-in", data={"token": token})

    assert (answer.status_code, answer.headers["location"]) == (303, "/")


async def test_a_link_that_is_too_old_or_of_a_disabled_person_signs_nobody_in(
    site: httpx.ASGITransport, pool: "asyncpg.Pool[Any]"
) -> None:
    disabled = await add_person(pool, "role:operator")
    await pool.execute("UPDATE person SET disabled_at = now() WHERE person_id = $1", disabled)
    tokens = [
        await add_link(pool, await add_person(pool, "role:operator"), minutes=-1),
        await add_link(pool, disabled),
        "a" * 43,
        "not a token",
    ]
    async with new_browser(site) as browser:
        for token in tokens:
            assert (await browser.post("/sign-in", data={"token": token})).status_code == 410


async def test_the_cookie_is_out_of_reach_of_scripts_and_of_other_sites(
    site: httpx.ASGITransport, pool: "asyncpg.Pool[Any]"
) -> None:
    person = await add_person(pool, "role:operator")
    async with new_browser(site) as plain, new_browser(site, **{"x-forwarded-proto": "https"}) as secure:
        cookies = [
            (await browser.post("/sign-in", data={"token": await add_link(pool, person)})).headers["set-cookie"]
            for browser in (plain, secure)
        ]
    assert all("HttpOnly" in each and "SameSite=lax" in each for each in cookies)
    assert cookies[0].startswith("paidan_session=")
    assert "Secure" not in cookies[0]
    assert cookies[1].startswith("__Host-paidan_session=")
    assert "Secure" in cookies[1]


@pytest.mark.parametrize(
    "cookie",
    ["\xa0__Host-paidan_session={0}", "__Host-paidan_session=x; __Host-paidan_session={0}", "paidan_session={0}"],
)
async def test_a_cookie_that_a_neighbouring_host_may_have_set_is_no_session(
    cookie: str, site: httpx.ASGITransport, pool: "asyncpg.Pool[Any]"
) -> None:
    async with (
        signed_in(site, pool, "role:operator") as attacker,
        new_browser(site, **{"x-forwarded-proto": "https"}) as victim,
    ):
        secret = attacker.cookies["paidan_session"]
        own = await victim.get("/queues", headers={"cookie": f"a=b;  __Host-paidan_session={secret} ;c"})
        answer = await victim.get("/queues", headers={b"cookie": cookie.format(secret).encode("latin-1")})

    assert (own.status_code, answer.status_code) == (200, 303)


async def test_the_database_holds_no_secret_in_the_clear(site: httpx.ASGITransport, pool: "asyncpg.Pool[Any]") -> None:
    token = await add_link(pool, await add_person(pool, "role:operator"))
    async with new_browser(site) as browser:
        await browser.post("/sign-in", data={"token": token})
        secret = browser.cookies["paidan_session"]
    stored = str(await pool.fetch("SELECT session::text FROM session")) + str(
        await pool.fetch("SELECT sign_in_link::text FROM sign_in_link")
    )
    assert token not in stored
    assert secret not in stored


async def test_signing_out_ends_the_session_everywhere(site: httpx.ASGITransport, pool: "asyncpg.Pool[Any]") -> None:
    async with signed_in(site, pool, "role:operator") as browser, new_browser(site) as copy:
        copy.cookies.update(browser.cookies)
        csrf = csrf_of((await browser.get("/queues")).text)
        assert (await browser.post("/sign-out", data={"csrf": csrf})).status_code == 303
        assert (await copy.get("/queues")).status_code == 303
    assert (await kinds(pool))[-1] == "signed_out"


@pytest.mark.parametrize(
    ("fields", "headers"),
    [
        ({}, {}),
        ({"csrf": "of another session"}, {}),
        ({"csrf": "right"}, {"origin": "http://evil.example"}),
        ({"csrf": "right"}, {"sec-fetch-site": "cross-site"}),
    ],
)
async def test_a_form_of_another_site_does_nothing(
    fields: dict[str, str], headers: dict[str, str], site: httpx.ASGITransport, pool: "asyncpg.Pool[Any]"
) -> None:
    async with signed_in(site, pool, "role:operator") as browser:
        csrf = csrf_of((await browser.get("/queues")).text)
        data = {name: csrf if value == "right" else value for name, value in fields.items()}
        assert (await browser.post("/sign-out", data=data, headers=headers)).status_code == 403
        assert (await browser.get("/queues")).status_code == 200
        own = await browser.post("/sign-out", data={"csrf": csrf}, headers={"origin": ORIGIN})
        assert own.status_code == 303


async def test_disabling_a_person_ends_the_sessions(site: httpx.ASGITransport, pool: "asyncpg.Pool[Any]") -> None:
    async with signed_in(site, pool, "role:inspector") as browser:
        await pool.execute("UPDATE person SET disabled_at = now() WHERE scopes = ARRAY['role:inspector']")
        assert (await browser.get("/queues")).status_code == 303


async def test_an_idle_session_ends(site: httpx.ASGITransport, pool: "asyncpg.Pool[Any]") -> None:
    async with signed_in(site, pool, "role:caller") as browser:
        await pool.execute("UPDATE session SET seen_at = now() - interval '61 minutes'")
        assert (await browser.get("/queues")).status_code == 303


def from_address(site: httpx.ASGITransport, client: str) -> httpx.ASGITransport:
    """Return the site as it is reached from another network address."""
    return httpx.ASGITransport(site.app, client=(client, 1))


def csrf_of(page: str) -> str:
    """Return the token in a page's forms."""
    found = re.search(r'name="csrf" value="([^"]+)"', page)
    assert found
    return found[1]


async def test_a_person_may_do_what_the_post_grants_by_the_pack_in_force(
    site: httpx.ASGITransport, pool: "asyncpg.Pool[Any]"
) -> None:
    """The tiny city's pack has no posts: a person who has only one of those may do nothing."""
    person = await add_person(pool, "role:operator", post="no-such-post")
    token = await add_link(pool, person)
    await pool.execute("UPDATE person SET scopes = NULL WHERE person_id = $1", person)
    async with new_browser(site) as browser:
        assert (await browser.post("/sign-in", data={"token": token})).status_code == 303
        assert (await browser.get("/queues")).status_code == 303


async def test_links_are_not_tried_without_end(site: httpx.ASGITransport, pool: "asyncpg.Pool[Any]") -> None:
    before = await pool.fetchval("SELECT count(*) FROM sign_in")
    async with (
        new_browser(from_address(site, "192.0.2.7")) as guesser,
        new_browser(from_address(site, "192.0.2.8")) as other,
    ):
        answers = [(await guesser.post("/sign-in", data={"token": "b" * 43})).status_code for _ in range(35)]
        looks = (await guesser.get(f"/sign-in/{'b' * 43}")).status_code
        assert (await other.post("/sign-in", data={"token": "b" * 43})).status_code == 410
        good = await add_link(pool, await add_person(pool, "role:inspector"))
        assert (await guesser.post("/sign-in", data={"token": good})).status_code == 303
    assert answers[:30] == [410] * 30
    assert answers[32:] == [429] * 3
    assert looks == 429
    assert await pool.fetchval("SELECT count(*) FROM sign_in") - before <= 35
