"""Saved views are a person's own, with names that are told apart; one of them may be what opens first."""

import asyncio
import re
import uuid
from collections.abc import AsyncIterator
from typing import Any

import asyncpg
import httpx
import pytest

from paidan_cockpit.rights import Person
from paidan_cockpit.saved_views import MAX_VIEWS, SavedView, ViewRefused, add_view, clean_name, list_views
from tests.cockpit.cockpit_edge import signed_in
from tests.cockpit.database_fixture import add_person
from tests.cockpit.test_sign_in import csrf_of

QUERY = "queue=overdue&city=tiny"


@pytest.fixture
async def browser(site: httpx.ASGITransport, pool: "asyncpg.Pool[Any]") -> AsyncIterator[httpx.AsyncClient]:
    async with signed_in(site, pool, "role:operator") as opened:
        yield opened


async def post(browser: httpx.AsyncClient, path: str, **fields: str) -> httpx.Response:
    """Send a form with the session's token."""
    csrf = csrf_of((await browser.get("/queues/views")).text)
    return await browser.post(path, data={"csrf": csrf, **fields})


async def view_path(browser: httpx.AsyncClient) -> str:
    """Return the address of the form that changes the first view."""
    [path, *_] = re.findall(r'action="(/queues/views/[0-9a-f-]{36})"', (await browser.get("/queues/views")).text)
    return str(path)


@pytest.mark.parametrize(("text", "name"), [("  my　 view \n", "my view"), ("a\u202eb\x00", "ab"), ("井盖", "井盖")])
def test_a_name_is_kept_without_what_does_not_show(text: str, name: str) -> None:
    assert clean_name(text) == name


@pytest.mark.parametrize(("text", "reason"), [(" \u202e ", "no_name"), ("x" * 61, "long_name")])
def test_a_name_that_cannot_be_is_refused(text: str, reason: str) -> None:
    with pytest.raises(ViewRefused, match=reason):
        clean_name(text)


async def test_a_view_is_saved_renamed_and_deleted(browser: httpx.AsyncClient) -> None:
    saved = await post(browser, "/queues/views", name="<b>late</b>", query=f"{QUERY}&after=x&unknown=1&order=sideways")

    assert (saved.status_code, saved.headers["location"]) == (303, f"/queues?{QUERY}&done=saved")
    page = (await browser.get(f"/queues?{QUERY}")).text
    assert f'<a href="/queues?{QUERY.replace("&", "&amp;")}" aria-current="true"><span>&lt;b&gt;late' in page
    assert (await post(browser, await view_path(browser), name="later")).status_code == 303
    assert "later" in (await browser.get("/queues")).text
    assert (await post(browser, f"{await view_path(browser)}/delete")).status_code == 303
    assert "later" not in (await browser.get("/queues")).text


async def test_the_view_that_opens_first_is_where_the_person_begins(browser: httpx.AsyncClient) -> None:
    for name in ("one", "two"):
        await post(browser, "/queues/views", name=name, query=f"{QUERY}&words={name}", first="1")

    assert (await browser.get("/")).headers["location"] == f"/queues?{QUERY}&words=two"
    assert (await browser.get("/queues/views")).text.count("opens first") == 1
    await post(browser, await view_path(browser), name="one", first="1")
    assert (await browser.get("/")).headers["location"] == f"/queues?{QUERY}&words=one"
    await post(browser, await view_path(browser), name="one")
    assert (await browser.get("/")).headers["location"] == "/overview"


async def test_what_is_wrong_is_told_at_the_name_and_what_was_typed_stays(browser: httpx.AsyncClient) -> None:
    await post(browser, "/queues/views", name="same", query=QUERY)
    for name, why in (("", "A view needs a name."), ("same", "Another view of yours has this name.")):
        refused = await post(browser, "/queues/views", name=name, query=f"{QUERY}&words=new")
        assert refused.status_code == 422
        assert why in refused.text
        assert "words=new" in refused.text
    await post(browser, "/queues/views", name="other", query=QUERY)
    assert "Another view of yours" in (await post(browser, await view_path(browser), name="other")).text


async def test_a_view_is_its_persons_alone(
    browser: httpx.AsyncClient, site: httpx.ASGITransport, pool: "asyncpg.Pool[Any]"
) -> None:
    await post(browser, "/queues/views", name="mine", query=QUERY)
    path = await view_path(browser)
    async with signed_in(site, pool, "role:operator") as other:
        assert "mine" not in (await other.get("/queues")).text
        assert (await post(other, path, name="stolen")).status_code == 404
        assert (await post(other, f"{path}/delete")).status_code == 404
        assert (await post(other, "/queues/views", name="mine", query=QUERY)).status_code == 303


async def test_there_are_never_more_than_the_limit_however_many_are_saved_at_once(pool: "asyncpg.Pool[Any]") -> None:
    person = Person(str(await add_person(pool, "role:operator")), "", "tiny", "dispatcher", frozenset())

    async def save(number: int) -> bool:
        try:
            await add_view(pool, person, SavedView(uuid.uuid4(), f"view {number}", QUERY, is_first=True))
        except ViewRefused as refused:
            return refused.reason != "many"
        return True

    saved = await asyncio.gather(*(save(number) for number in range(MAX_VIEWS + 5)))

    views = await list_views(pool, person)
    assert (sum(saved), len(views), sum(each.is_first for each in views)) == (MAX_VIEWS, MAX_VIEWS, 1)
