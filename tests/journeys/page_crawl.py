"""Follows every link of the cockpit as one person, as a browser would."""

import re
from collections import Counter
from collections.abc import AsyncIterator
from html import unescape
from typing import Final
from urllib.parse import urlsplit

import httpx

_LINK: Final = re.compile(r'\s(?:href|src|action|data-(?:map|borders))="(/[^"#]*)')
_LEFT_OUT: Final = re.compile(r"/assets/|/sign-(in|out)|/overview/stream|.*[?&](lang|theme)=")
_MOST_OF_ONE_PAGE: Final = 2
"""Of so many queries each page is read: filters combine to thousands."""
_MOST_PAGES: Final = 60


async def sign_in(client: httpx.AsyncClient, link: str) -> None:
    """Sign in by a link."""
    answer = await client.post("/sign-in", data={"token": link.rpartition("/")[2]})
    assert answer.status_code == 303, answer.text


async def crawl(client: httpx.AsyncClient, *begin_at: str) -> AsyncIterator[httpx.Response]:
    """Yield every page that is there, from the first of the menu and from these on."""
    seen: set[str] = set()
    read: Counter[str] = Counter()
    waiting = ["/", *begin_at]
    while waiting and len(seen) < _MOST_PAGES:
        address = waiting.pop(0)
        path = urlsplit(address).path
        if address in seen or _LEFT_OUT.match(address) or read[path] == _MOST_OF_ONE_PAGE:
            continue
        seen.add(address)
        read[path] += 1
        answer = await client.get(address)
        if answer.is_redirect:
            waiting.append(answer.headers["location"])
        elif answer.is_success:
            yield answer
            waiting += [unescape(each) for each in _LINK.findall(answer.text)]
