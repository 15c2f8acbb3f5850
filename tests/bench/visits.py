"""Visits of the cockpit's pages: by whom, which addresses, and how long each takes until its last byte."""

import hashlib
import secrets
import time
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import cycle, islice
from typing import Any, Final
from urllib.parse import quote

import asyncpg
import httpx

from paidan_chassis.edge.cursors import CursorCodec
from paidan_cockpit.pages.list_statements import QueueKey
from paidan_cockpit.pages.queue_filter import QUEUES
from paidan_contracts.city import City

RIGHTS: Final[Mapping[str, tuple[str, ...]]] = {
    "wide": ("role:operator", "role:inspector", "role:caller"),
    "district": ("role:operator", "role:inspector", "role:caller", "place:370103"),
    "street": ("role:operator", "place:370102003"),
    "class": ("role:operator", "class:E0111"),
    "clerk": ("department:parks",),
}
_WORDS: Final = (
    "路灯",
    "市民反映",
    "井盖",
    "请尽快处理",
    "经十路",
    "号",
    "1234",
    "经十路 77",
    "王女士",
    "没有这样的词",
    "垃圾",
    "积水 市民",
)
_CURSORS: Final = CursorCodec(QueueKey)


@dataclass(frozen=True, slots=True)
class Page:
    """A page: its addresses, which visits take in turn, and by whom it is opened."""

    name: str
    addresses: Sequence[str]
    rights: Sequence[str] = tuple(RIGHTS)
    is_search: bool = False


def pages_of(city: City, case_ids: Sequence[str], deep: datetime) -> list[Page]:
    """Return the pages to be opened; ``deep`` is where lists by time are opened in their middle."""
    departments, classes = list(city.departments), list(city.classes)
    places = [each for each in city.pack.geography.places if each.level in ("district", "street")]
    middle = quote(_CURSORS.encode(QueueKey(deep, case_ids[0])))
    staff = ("wide", "district", "street", "class")
    searches = [f"/queues?words={quote(words)}" for words in _WORDS]
    return [
        Page("overview", ["/overview"], staff),
        Page("overview of a part", [f"/overview?{each.level}={each.code}" for each in places], staff),
        Page("overview of a class", [f"/overview?class_code={each}" for each in classes], staff),
        Page("map of the overview", ["/overview/map.json"], staff),
        *(Page(f"queue {queue}", [f"/queues?queue={queue}"]) for queue in QUEUES),
        Page("queue by department", [f"/queues?department={each}" for each in departments]),
        Page("queue by class", [f"/queues?class_code={each}" for each in classes]),
        Page("queue by place", [f"/queues?{each.level}={each.code}" for each in places]),
        Page(
            "queue by three filters",
            [f"/queues?status=handling&source=hotline-12345&class_code={each}" for each in classes],
        ),
        Page("all by class, deep", [f"/queues?queue=all&class_code={each}&after={middle}" for each in classes]),
        Page(
            "all by place and status", [f"/queues?queue=all&{each.level}={each.code}&status=voided" for each in places]
        ),
        Page("all, oldest first", ["/queues?queue=all&order=oldest", f"/queues?queue=all&order=oldest&after={middle}"]),
        Page("all by what is rare", ["/queues?queue=all&status=not_accepted&source=grid-patrol&department=police"]),
        Page("case", [f"/cases/{each}" for each in case_ids], ("wide",)),
        Page("desk", ["/desk"], ("clerk",)),
        Page("inspection", ["/inspection"], ("wide", "district")),
        Page("callbacks", ["/callbacks"], ("wide", "district")),
        Page("scores", ["/scores", "/scores?by=department", "/scores?by=district"], ("wide", "clerk")),
        Page("city", ["/city"], ("wide", "street")),
        Page("system", ["/system"], ("wide",)),
        Page("search, open", searches, is_search=True),
        Page("search, all", [f"{each}&queue=all" for each in searches], is_search=True),
        Page("search, all, by class", [f"{each}&queue=all&class_code=E0111" for each in searches], is_search=True),
    ]


class Visitors:
    """Signed-in persons: each has rights of an own, so that nothing was computed for others who see the same."""

    def __init__(self, conn: "asyncpg.Connection[Any]", city: City) -> None:
        self._conn = conn
        self._city = city
        self._number = 0

    async def sign_in(self, rights: str) -> str:
        """Return the session cookie of a new person with these rights."""
        self._number += 1
        secret, person_id = secrets.token_urlsafe(32), uuid.uuid4()
        scopes = [*RIGHTS[rights], f"member:visitor-{self._number}"]
        await self._conn.execute(
            "INSERT INTO cockpit.person (person_id, name, city, post, scopes, created_by)"
            " VALUES ($1, 'bench', $2, 'bench', $3, 'bench')",
            person_id, self._city.id, scopes,
        )  # fmt: skip
        await self._conn.execute(
            "INSERT INTO cockpit.session (hash, session_id, person_id, csrf, expires_at)"
            " VALUES ($1, $2, $3, 'csrf', clock_timestamp() + interval '1 hour')",
            hashlib.sha256(secret.encode()).digest(), uuid.uuid4(), person_id,
        )  # fmt: skip
        return secret


async def measure_visits(
    client: httpx.AsyncClient, visitors: Visitors, page: Page, rights: str, count: int
) -> list[float]:
    """Open a page so often, each time as another person and the next address; return seconds."""
    seconds = []
    for address in islice(cycle(page.addresses), count):
        cookie = {"cookie": f"paidan_session={await visitors.sign_in(rights)}", "accept-language": "zh"}
        began = time.perf_counter()
        answer = await client.get(address, headers=cookie)
        seconds.append(time.perf_counter() - began)
        if answer.status_code != 200:
            raise AssertionError(f"{address} as {rights}: {answer.status_code} {answer.text[:500]}")
    return seconds
