"""What nobody sends by accident: paths that look like other sites, floods of bytes and of streams, odd methods."""

import asyncio
from collections.abc import AsyncGenerator
from typing import Any, Final

import asyncpg
import httpx
import pytest
from starlette.requests import Request
from starlette.types import Message

from paidan_cockpit.accounts import Session
from paidan_cockpit.pages.csv_table import csv_table
from paidan_cockpit.pages.event_streams import MAX_OF_PERSON, EventStreams
from paidan_cockpit.pages.request_context import PageRefused, RequestContext
from paidan_cockpit.rights import Person
from paidan_contracts.state import CaseState
from tests.cockpit.cockpit_edge import ORIGIN, new_browser, signed_in
from tests.cockpit.markup import assert_harmless
from tests.cockpit.test_access import TABLE, address, case, csrf_token

__all__ = ["case"]

PERSON: Final = Person(
    "00000000-0000-4000-8000-000000000001", "王敏", "tiny", "dispatcher", frozenset({"role:operator"})
)


@pytest.mark.parametrize(
    "path", ["//evil.example/", "///evil.example", "/%5Cevil.example", "/%2Fevil.example", "/a%22b"]
)
async def test_no_link_of_a_page_leads_where_its_address_says(path: str, site: httpx.ASGITransport) -> None:
    async with new_browser(site, accept="text/html") as browser:
        page = await browser.get(f"{ORIGIN}{path}")

    assert page.status_code == 404
    assert_harmless(page.text)


async def test_whatever_stands_for_the_token_of_a_form_is_refused(
    site: httpx.ASGITransport, pool: "asyncpg.Pool[Any]"
) -> None:
    async with signed_in(site, pool, "role:operator") as browser:
        answers = [await browser.post("/queues/views", data={"csrf": each}) for each in ("井", "\0", "x" * 90_000, "")]

    assert [each.status_code for each in answers] == [403] * 4


@pytest.mark.parametrize("charset", ["utf-7", "punycode", "raw_unicode_escape", "iso-8859-1"])
async def test_a_form_in_another_charset_is_refused_unread(
    charset: str, site: httpx.ASGITransport, pool: "asyncpg.Pool[Any]"
) -> None:
    """Of some a token is no text, and decoding a large form of others takes minutes."""
    part = b'--x\r\nContent-Disposition: form-data; name="csrf"\r\n\r\n+2AA-\\ud800\r\n--x--\r\n'
    headers = {"content-type": f"multipart/form-data; boundary=x; charset={charset}"}
    async with signed_in(site, pool, "role:operator") as browser:
        answers = [await browser.post(path, content=part, headers=headers) for path in ("/queues/views", "/sign-in")]

    assert [each.status_code for each in answers] == [400] * 2


@pytest.mark.parametrize(("path", "size", "status"), [("/sign-in", 20_000, 413), ("/queues/views", 2_000_000, 413)])
async def test_only_a_form_with_photos_may_be_large(
    path: str, size: int, status: int, site: httpx.ASGITransport, pool: "asyncpg.Pool[Any]"
) -> None:
    async with signed_in(site, pool, "role:operator") as browser:
        for announced in (True, False):
            body = {"files": {"photo": bytes(size)}} if announced else {"content": pieces(size)}
            headers = {} if announced else {"content-type": "multipart/form-data; boundary=x"}
            assert (await browser.post(path, headers=headers, **body)).status_code == status


async def pieces(size: int) -> AsyncGenerator[bytes]:
    """Yield a form that never says how long it is."""
    yield b'--x\r\nContent-Disposition: form-data; name="photo"; filename="p"\r\n\r\n'
    for _ in range(size // 5000):
        yield bytes(5000)


async def test_a_number_that_is_too_long_to_be_one_is_no_halt(
    site: httpx.ASGITransport, pool: "asyncpg.Pool[Any]"
) -> None:
    async with signed_in(site, pool, "role:operator", city="*") as browser:
        csrf = await csrf_token(browser)
        for number in ("9" * 5000, "１", "-1", "1_0"):
            answer = await browser.post(f"/system/intake/halts/{number}", data={"csrf": csrf, "at": "kept"})
            assert answer.status_code == 404, number


async def test_a_look_at_the_head_is_answered_as_the_page_and_ends(
    site: httpx.ASGITransport, pool: "asyncpg.Pool[Any]", case: CaseState
) -> None:
    async with signed_in(site, pool, "role:operator") as browser, new_browser(site) as nobody, asyncio.timeout(20):
        for (method, template), row in TABLE.items():
            asked = address(template, case)
            if method == "POST":
                continue
            shown = await browser.head(asked)
            assert shown.status_code == (row.status or 200 if "dispatcher" in row.readers else 404), template
            assert (await nobody.head(asked)).status_code == row.nobody
            assert (await browser.options(asked)).status_code == 405


@pytest.mark.parametrize("cell", ["a;=1+1", "a;\t@x", "a|-1", "a\n=1", "a\r\n+1", "a;＝1", "a; =1"])
def test_no_cell_of_a_table_holds_a_formula_where_lists_are_separated_by_another_sign(cell: str) -> None:
    text = csv_table(["title"], [[cell]]).partition("\n")[2]

    assert "'" in text
    assert not any(f"{sign}{begin}" in text.replace(" ", "").replace("\t", "") for sign in ";|\n" for begin in "=+-@＝")


def test_what_is_no_formula_stays_as_it_is() -> None:
    assert csv_table(["title"], [["A1-B2 = C3; d@e"]]).splitlines()[1] == "A1-B2 = C3; d@e"


class Follower:
    """A visitor of a stream, who reads until told to go."""

    def __init__(self, streams: EventStreams) -> None:
        self.closed = False
        request = Request({"type": "http", "method": "GET", "path": "/", "query_string": b"", "headers": []})
        visit = RequestContext(request, "en", "auto", Session(None, "csrf", PERSON))  # type: ignore[arg-type] # no session is stored
        self._response = streams.response(visit, self._events())
        self._gone = asyncio.Event()
        self._task = asyncio.create_task(self._follow())

    async def _events(self) -> AsyncGenerator[bytes]:
        try:
            while True:
                yield b": alive\n\n"
        finally:
            self.closed = True

    async def _follow(self) -> None:
        scope = {"type": "http", "asgi": {"spec_version": "2.3"}, "method": "GET", "headers": []}
        await self._response(scope, self._receive, self._send)

    async def _receive(self) -> Message:
        await self._gone.wait()
        return {"type": "http.disconnect"}

    async def _send(self, message: Message) -> None:
        if message["type"] == "http.response.body":
            await asyncio.Event().wait()

    async def go(self) -> None:
        """Close the connection."""
        self._gone.set()
        await self._task


async def test_a_person_has_so_many_open_streams_and_each_is_closed_with_its_connection() -> None:
    streams = EventStreams()
    followers = []
    for _ in range(MAX_OF_PERSON):
        followers.append(Follower(streams))
        await asyncio.sleep(0)
    async with asyncio.timeout(30):
        with pytest.raises(PageRefused) as refused:
            Follower(streams)
        assert (refused.value.status, refused.value.reason) == (429, "too_many_streams")
        await followers[0].go()
        assert followers[0].closed
        followers.append(Follower(streams))
        await asyncio.gather(*(each.go() for each in followers[1:]))
    assert all(each.closed for each in followers[:-1])
    assert not streams._open  # noqa: SLF001 - nothing is kept of those who left
