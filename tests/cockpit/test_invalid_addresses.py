"""Whatever stands in an address or a form: a person gets a page that says so in words, never JSON and never a fault."""

import re
from typing import Any, Final
from urllib.parse import quote, urlencode

import asyncpg
import httpx
import pytest

from paidan_contracts.state import CaseState
from tests.cockpit.cockpit_edge import signed_in
from tests.cockpit.test_access import ENDLESS, TABLE, address, case, csrf_token

__all__ = ["case"]

TEXTS: Final = ("a\0b", "\u2028\x7f\ufffe", "?x=1#y")
"""What cannot be in an address, or should not be."""
NAMES: Final = (
    "queue", "city", "status", "department", "class_code", "district", "street", "source", "within", "order", "words",
    "after", "case", "back", "done", "version", "from", "period", "by", "indicator", "direction", "part", "next", "out",
    "consumer", "topic", "reason", "state", "name", "query", "key", "at", "token", "action.reason",
)  # fmt: skip
PLACEHOLDER: Final = re.compile(r"\{([a-z_]+)\}")


def addresses(template: str, text: str, case: CaseState) -> list[str]:
    """Return the route's addresses with the text in place of each part of the path, and in every field of the query."""
    plain = template.replace(":path", "")
    names, sent = PLACEHOLDER.findall(plain), quote(text, safe="").replace(".", "%2E")
    paths = [address(plain.replace(f"{{{name}}}", "\x01"), case).replace("\x01", sent) for name in names]
    return [*paths, f"{address(template, case)}?{urlencode(dict.fromkeys(NAMES, text))}"]


@pytest.mark.parametrize(
    ("scopes", "city"),
    [(("role:operator",), "*"), (("role:caller", "role:inspector"), "tiny")],
)
async def test_whatever_stands_in_an_address_a_person_gets_a_page(
    scopes: tuple[str, ...], city: str, site: httpx.ASGITransport, pool: "asyncpg.Pool[Any]", case: CaseState
) -> None:
    async with signed_in(site, pool, *scopes, city=city) as browser:
        csrf = await csrf_token(browser)
        for (method, template), row in TABLE.items():
            if row.status == ENDLESS or template == "/sign-out" or template.startswith("/assets"):
                continue
            for text in TEXTS:
                fields = dict.fromkeys(NAMES, text) | {"csrf": csrf, f"case:{text}": "1"} if method == "POST" else None
                for asked in addresses(template, text, case):
                    answer = await browser.request(method, asked, data=fields, headers={"accept": "text/html,*/*"})

                    kind = answer.headers.get("content-type", "").partition(";")[0]
                    assert kind == "text/html" or answer.status_code in (200, 303), (method, asked, answer.text)
                    assert answer.status_code < 500 or answer.status_code == 503, (method, asked)


@pytest.mark.parametrize(
    ("method", "asked", "status", "told"),
    [
        ("GET", "/cases/%00", 422, "The address or the form holds a character that cannot be read."),
        ("GET", "/queues/actions?case=%00", 422, "The address or the form holds a character that cannot be read."),
        ("GET", "/queues/actions/accept", 405, "This address only takes a form that was sent."),
        ("POST", "/no/such/page", 404, "There is no such page"),
    ],
)
async def test_the_page_says_what_is_wrong(
    method: str, asked: str, status: int, told: str, site: httpx.ASGITransport, pool: "asyncpg.Pool[Any]"
) -> None:
    async with signed_in(site, pool, "role:operator") as browser:
        answer = await browser.request(method, asked, headers={"accept": "text/html"})
        program = await browser.request(method, asked)

    assert (answer.status_code, told in answer.text) == (status, True)
    assert program.status_code == status
    if status == 405:
        assert answer.headers["allow"] == program.headers["allow"] == "POST"
