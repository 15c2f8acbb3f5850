"""Signs that mean something to LIKE, and origins that look like ours, mean nothing more than they say."""

from typing import Any, Final

import asyncpg
import httpx
import pytest
from starlette.requests import Request

from paidan_cockpit.pages.list_statements import Arguments
from paidan_cockpit.pages.queue_filter import QueueFilter
from paidan_cockpit.pages.visibility import Scope
from paidan_cockpit.pages.visit import PageRefused, require_own_site
from paidan_contracts.case_access import is_within_bounds
from paidan_contracts.places import Place
from paidan_contracts.scopes import grants_of
from tests.cockpit.cockpit_edge import ORIGIN, signed_in
from tests.cockpit.database_fixture import apply_records
from tests.scoring import case_histories
from tests.scoring.case_histories import START
from tests.scoring.database_fixture import pack_bytes, pack_version

CODES: Final = ("E0110", "E01", "E_110", "E%", "E\\", "\\%", "%", "_", "*", "E*", "E01*", "e0110", "")
PATTERNS: Final = ("E*", "E0110", "E_*", "E%*", "%*", "%", "_*", "\\*", "E\\*", "\\%*", "E**", "*", "E*1", "\\")


async def test_the_bounds_of_a_post_mean_the_same_to_the_database_as_to_dispatch(pool: "asyncpg.Pool[Any]") -> None:
    for pattern in PATTERNS:
        grants, arguments = grants_of(frozenset({"role:operator", f"class:{pattern}"})), Arguments()
        cases = f"(SELECT unnest({arguments.add(list(CODES))}::text[]) AS class_code, 'tiny' AS city) AS listed"
        condition = " AND ".join(Scope("tiny", grants, START).conditions(arguments.add))
        rows = await pool.fetch(f"SELECT class_code FROM {cases} WHERE {condition}", *arguments.values)

        assert {row["class_code"] for row in rows} == {
            each for each in CODES if is_within_bounds(grants, each, Place())
        }, pattern


async def test_no_sign_stands_for_others_in_a_search(site: httpx.ASGITransport, pool: "asyncpg.Pool[Any]") -> None:
    """Words are whole and a number's beginning is a range: nothing of a search goes to LIKE."""
    pack = pack_version(pack_bytes())
    texts = ("price 100 percent", "road_closed", "back\\slash")
    for number, text in enumerate(texts):
        new = case_histories.new_case(number, pack=pack, text=text)
        await apply_records(pool, [case_histories.case_record(new, offset=number)])
    async with signed_in(site, pool, "role:operator") as browser:

        async def found(words: str) -> list[str]:
            table = (await browser.get("/queues.csv", params={"words": words})).text
            return [text for text in texts if text in table]

        assert await found("pri%") == await found("p_ice") == await found("roa_") == []
        assert await found("price") == await found("price%") == [texts[0]]
        assert await found("back\\slash") == [texts[2]]


@pytest.mark.parametrize("words", ["1234%", "12_4", "12\\34", "%%%%", "____"])
def test_no_sign_stands_for_the_digits_of_a_number(words: str) -> None:
    assert QueueFilter(words=words).number is None


@pytest.mark.parametrize(
    ("headers", "is_own"),
    [
        ({}, True),
        ({"origin": ORIGIN}, True),
        ({"origin": "https://cockpit"}, True),  # a proxy in front speaks HTTPS
        ({"origin": ORIGIN, "sec-fetch-site": "same-origin"}, True),
        ({"sec-fetch-site": "none"}, True),
        ({"origin": "null"}, False),
        ({"origin": ""}, False),
        ({"origin": "http://cockpit.evil.example"}, False),
        ({"origin": "http://evil.example/cockpit"}, False),
        ({"origin": "http://cockpit@evil.example"}, False),
        ({"origin": "http://evil.example#cockpit"}, False),
        ({"origin": "http://cockpit:81"}, False),
        ({"origin": "http://[cockpit"}, False),
        ({"origin": "cockpit"}, False),
        ({"origin": ORIGIN, "sec-fetch-site": "same-site"}, False),
        ({"origin": ORIGIN, "sec-fetch-site": "cross-site"}, False),
        ({"sec-fetch-site": "odd"}, False),
    ],
)
def test_a_form_is_of_our_own_site_or_refused(headers: dict[str, str], *, is_own: bool) -> None:
    sent = [(name.encode(), value.encode()) for name, value in ({"host": "cockpit"} | headers).items()]
    request = Request({"type": "http", "method": "POST", "path": "/sign-out", "query_string": b"", "headers": sent})

    if is_own:
        require_own_site(request)
    else:
        with pytest.raises(PageRefused) as refused:
            require_own_site(request)
        assert (refused.value.status, refused.value.reason) == (403, "other_site")
