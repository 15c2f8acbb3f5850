"""A department's client over HTTP: photos, answers and their outcomes, and its open orders as they change."""

import asyncio
from collections.abc import AsyncIterator, Collection
from dataclasses import dataclass
from datetime import datetime
from types import TracebackType
from typing import Any, Final, Self
from urllib.parse import quote

import httpx

from paidan_contracts.actions import Action
from paidan_contracts.client.answers import action_id_of, build_answer
from paidan_contracts.orders import Order
from paidan_contracts.outcomes import ActionResult, Refusal

WAIT_S: Final = 30
TRIES: Final = 8
_PAUSE_S: Final = 0.25
_RETRIED: Final = frozenset({408, 429, 503})


class RequestRefused(Exception):
    """The edge refused a request: a code as in the README's table, with a message in English and in Chinese."""

    def __init__(self, status: int, error: dict[str, Any]) -> None:
        super().__init__(f"{status} {error.get('code')}: {error.get('message')}")
        self.status = status
        self.code = str(error.get("code"))
        self.message = str(error.get("message"))
        self.message_zh = str(error.get("message_zh"))


@dataclass(frozen=True, slots=True)
class AnswerOutcome:
    """What became of an answer."""

    result: ActionResult
    why: Refusal | None


class DepartmentHttpClient:
    """Calls dispatch, and intake for photos, with a key of the scope ``department:<id>``; repeats until answered."""

    def __init__(
        self,
        department: str,
        dispatch: str,
        token: str,
        *,
        intake: str | None = None,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        self.department = department
        self._dispatch, self._intake = dispatch.rstrip("/"), (intake or "").rstrip("/")
        headers = {"Authorization": f"Bearer {token}"}
        self._http = httpx.AsyncClient(
            headers=headers, timeout=WAIT_S + 15, follow_redirects=False, transport=transport
        )

    async def __aenter__(self) -> Self:
        """Return this client; connections open as they are needed."""
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Close the connections."""
        await self._http.aclose()

    async def store_photo(self, case_id: str, photo: bytes, content_type: str = "image/jpeg") -> str:
        """Store a photo for a case and return its reference, for ``Finish.proof``; a repeat has the same one."""
        response = await self._send(
            "POST", f"{self._intake}/v1/photos", params={"case_id": case_id}, content=photo,
            headers={"Content-Type": content_type},
        )  # fmt: skip
        return str(response.json()["ref"])

    async def answer(
        self, order: Order, action: Action, *, attempt: int = 1, occurred_at: datetime | None = None
    ) -> str:
        """Send an answer and return its action id once it is stored; the same answer as one sent over Kafka."""
        answer = build_answer(order, action, attempt=attempt, occurred_at=occurred_at)
        body = answer.model_dump(mode="json", exclude_none=True, include={"action", "occurred_at"})
        response = await self._send(
            "POST",
            f"{self._dispatch}/v1/cases/{quote(order.case_id)}/actions",
            json=body,
            headers={"Idempotency-Key": answer.id or ""},
        )
        return str(response.json().get("action_id") or action_id_of(self.department, answer))

    async def outcome(self, action_id: str, *, within_s: float = WAIT_S) -> AnswerOutcome | None:
        """Return what became of an answer, also one that was sent over Kafka; None if it is not decided by then."""
        try:
            async with asyncio.timeout(within_s):
                return await self._await_outcome(action_id)
        except TimeoutError:
            return None

    async def snapshots(self) -> AsyncIterator[tuple[Order, ...]]:
        """Yield the department's open orders, all of them, now and whenever one was issued, changed or withdrawn."""
        path, etag = f"{self._dispatch}/v1/orders", ""
        while True:
            headers = {"If-None-Match": etag} if etag else {}
            page = await self._send("GET", path, params={"wait": WAIT_S}, headers=headers, accepted={304})
            if page.status_code == 304:
                continue
            etag, orders = page.headers.get("ETag", ""), _orders_of(page)
            while (after := page.json()["after"]) is not None:
                page = await self._send("GET", path, params={"after": after})
                orders += _orders_of(page)
            yield tuple(orders)

    async def _await_outcome(self, action_id: str) -> AnswerOutcome:
        path = f"{self._dispatch}/v1/actions/{quote(action_id)}"
        response = await self._send("GET", path, accepted={404})
        while response.status_code == 404:
            await asyncio.sleep(_PAUSE_S)
            response = await self._send("GET", path, accepted={404})
        found = response.json()
        return AnswerOutcome(found["result"], Refusal.model_validate(found["why"]) if found["why"] else None)

    async def _send(
        self,
        method: str,
        path: str,
        *,
        accepted: Collection[int] = (),
        **options: Any,  # noqa: ANN401 - httpx's options
    ) -> httpx.Response:
        """Send a request until it is answered for good: every request here may be repeated."""
        for attempt in range(TRIES):
            if attempt:
                await asyncio.sleep(min(_PAUSE_S * 2**attempt, 10))
            try:
                response = await self._http.request(method, path, **options)
            except httpx.TransportError:
                if attempt == TRIES - 1:
                    raise
                continue
            if response.is_success or response.status_code in accepted:
                return response
            if response.status_code not in _RETRIED:
                break
        raise RequestRefused(response.status_code, _error_of(response))


def _orders_of(page: httpx.Response) -> list[Order]:
    return [Order.model_validate(each["order"]) for each in page.json()["orders"]]


def _error_of(response: httpx.Response) -> dict[str, Any]:
    try:
        found = response.json()["error"]
    except (ValueError, KeyError, TypeError):
        return {}
    return found if isinstance(found, dict) else {}
