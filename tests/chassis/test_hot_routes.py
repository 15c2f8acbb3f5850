"""A plain request to a hot route is served ahead of the framework, and answered as the framework's route answers it."""

import gzip
import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote

import pytest
from fastapi import FastAPI
from hypothesis import given
from hypothesis import strategies as st

from paidan_chassis.edge.api_keys import KeyRing
from paidan_chassis.edge.app import EdgeConfig, create_app, hot_route
from paidan_chassis.edge.hot_routes import HotRequest, PreparedResponse
from paidan_chassis.edge.problems import Problem, unavailable
from paidan_chassis.edge.query import DRY_RUN_PARAMETER
from paidan_chassis.observability.health import Health
from paidan_chassis.observability.metrics import Metrics
from tests.chassis.cached_keys import TOKENS, cached_keys
from tests.chassis.sample_edge import VALID_LOAN, Loan, padded_loan

PATH = "/v1/loans"
BODY = json.dumps(VALID_LOAN).encode()
KEY = {"authorization": f"Bearer {TOKENS['desk']}"}
INVALID = b'{"book": {"title": "", "pages": 0}, "reader": "1"}'


@dataclass
class Edge:
    """An edge in this process, and what its recorder counted."""

    is_fast: bool
    keys: KeyRing = field(init=False)
    metrics: Metrics = field(init=False)
    app: FastAPI = field(init=False)

    def __post_init__(self) -> None:
        self.metrics = Metrics("library")
        self.keys = cached_keys()
        config = EdgeConfig("Library", "1", self.keys, Health(self.metrics), self.metrics, body_limit=2_000)
        self.app = create_app(config)
        hot_route(self.app, PATH, lend, name="lend", model=Loan, query=(DRY_RUN_PARAMETER,))
        hot_route(self.app, "/v1/loans/long", lend, name="lend", model=Loan, body_limit=500_000)
        if not self.is_fast:
            self.app.state.fast_paths.clear()

    async def answer(self, method: str, target: str, headers: dict[str, str], parts: Sequence[bytes]) -> dict[str, Any]:
        """Return all that a client and an operator see of one request, whose body comes in parts."""
        sent: list[Any] = []
        messages = [{"type": "http.request", "body": part, "more_body": True} for part in parts]
        messages[-1]["more_body"] = False

        async def receive() -> Any:  # noqa: ANN401 - ASGI
            return messages.pop(0) if messages else {"type": "http.disconnect"}

        async def send(message: Any) -> None:  # noqa: ANN401 - ASGI
            sent.append(message)

        await self.app(_scope(method, target, headers), receive, send)
        start, *bodies = sent
        return {
            "status": start["status"],
            "headers": sorted((name, value) for name, value in start["headers"] if name != b"x-trace-id"),
            "trace": [len(value) for name, value in start["headers"] if name == b"x-trace-id"],
            "body": b"".join(each.get("body", b"") for each in bodies),
            "metrics": [line for line in self.metrics.render().decode().splitlines() if "_requests_total{" in line],
            "refusals": sorted(each[1:] for each in self.keys.recorder._refusals),  # noqa: SLF001
            "spent": self.keys.limiter.allowance("desk").tokens,
        }


def _scope(method: str, target: str, headers: dict[str, str]) -> dict[str, Any]:
    path, _, query = target.partition("?")
    return {
        "type": "http",
        "http_version": "1.1",
        "method": method,
        "scheme": "http",
        "path": unquote(path),
        "raw_path": path.encode(),
        "query_string": query.encode(),
        "root_path": "",
        "client": ("10.1.1.1", 1234),
        "headers": [(b"host", b"library"), *((name.encode(), value.encode()) for name, value in headers.items())],
        "state": {},
    }


async def lend(call: HotRequest[Loan]) -> PreparedResponse:
    """Record a book's loan, or fail in every way in which a handler may.

    The same loan twice is one loan.
    """
    if "role:operator" not in call.principal.scopes:
        raise Problem(403, "forbidden", "no", "否", "source")
    match call.body.book.title:
        case "lost":
            raise unavailable(7)
        case "breaks":
            raise RuntimeError("secret")
        case "away":
            raise ConnectionRefusedError
        case _:
            pass
    body = json.dumps({"title": call.body.book.title}, ensure_ascii=False).encode()
    return PreparedResponse(200 if call.is_dry_run else 202, body)


def titled(title: str) -> bytes:
    return json.dumps({"book": {"title": title, "pages": 1}}).encode()


def halved(body: bytes) -> Sequence[bytes]:
    return [body[: len(body) // 2], body[len(body) // 2 :]]


def announced(body: bytes) -> dict[str, str]:
    return KEY | {"content-length": str(len(body))}


REQUESTS: dict[str, tuple[str, str, dict[str, str], bytes | Sequence[bytes]]] = {
    "plain": ("POST", PATH, KEY, BODY),
    "byte order mark": ("POST", PATH, KEY, b"\xef\xbb\xbf" + BODY),
    "own key header": ("POST", PATH, {"x-api-key": TOKENS["desk"]}, BODY),
    "no key": ("POST", PATH, {}, BODY),
    "malformed key": ("POST", PATH, {"authorization": "Bearer pdk_short"}, BODY),
    "two keys": ("POST", PATH, KEY | {"x-api-key": TOKENS["other"]}, BODY),
    "wrong scope": ("POST", PATH, {"x-api-key": TOKENS["other"]}, BODY),
    "limit exceeded": ("POST", PATH, {"x-api-key": TOKENS["spent"]}, BODY),
    "limit exceeded, body invalid": ("POST", PATH, {"x-api-key": TOKENS["spent"]}, INVALID),
    "no body": ("POST", PATH, KEY, b""),
    "not JSON": ("POST", PATH, KEY, b"{"),
    "not UTF-8": ("POST", PATH, KEY, b'{"book": "\xff"}'),
    "array": ("POST", PATH, KEY, [b"[]"]),
    "invalid": ("POST", PATH, KEY, INVALID),
    "duplicate field": ("POST", PATH, KEY, BODY[:-1] + b', "reader": "a", "reader": "b"}'),
    "unknown field": ("POST", PATH, KEY, BODY[:-1] + b', "raeder": "a"}'),
    "gzip": ("POST", PATH, KEY | {"content-encoding": "gzip"}, gzip.compress(BODY)),
    "form": ("POST", PATH, KEY | {"content-type": "application/x-www-form-urlencoded"}, BODY),
    "other type": ("POST", PATH, KEY | {"content-type": "text/xml"}, BODY),
    "announced, in two pieces": ("POST", PATH, announced(BODY), halved(BODY)),
    "announced, too large, in two pieces": ("POST", PATH, announced(padded_loan(3_000)), halved(padded_loan(3_000))),
    "cut off": ("POST", PATH, announced(BODY), [BODY[:5], b""]),
    "chunked": ("POST", PATH, KEY, halved(BODY)),
    "chunked, too large": ("POST", PATH, KEY, halved(padded_loan(3_000))),
    "as large as may be": ("POST", PATH, KEY, padded_loan(2_000 - len(BODY))),
    "too large": ("POST", PATH, KEY, padded_loan(3_000)),
    "too large without a key": ("POST", PATH, {}, padded_loan(3_000)),
    "larger limit": ("POST", "/v1/loans/long", KEY, padded_loan(3_000)),
    "dry run": ("POST", PATH + "?dry-run=true", KEY, BODY),
    "dry run, neither": ("POST", PATH + "?dry-run=x", KEY, BODY),
    "unknown parameter": ("POST", PATH + "?x=1", KEY, BODY),
    "empty query": ("POST", PATH + "?", KEY, BODY),
    "trailing slash": ("POST", PATH + "/", KEY, BODY),
    "escaped path": ("POST", "/v1/%6coans", KEY, BODY),
    "traceparent": ("POST", PATH, KEY | {"traceparent": f"00-{'a' * 32}-{'b' * 16}-01"}, BODY),
    "behind TLS": ("POST", PATH, KEY | {"x-forwarded-proto": "https"}, BODY),
    "503": ("POST", PATH, KEY, titled("lost")),
    "500": ("POST", PATH, KEY, titled("breaks")),
    "503 of a server that is away": ("POST", PATH, KEY, titled("away")),
    **{method: (method, PATH, KEY, [b""]) for method in ("GET", "HEAD", "OPTIONS", "PUT", "PATCH", "DELETE")},
}


@pytest.mark.parametrize("name", REQUESTS)
async def test_answer_is_that_of_the_frameworks_route(name: str) -> None:
    method, target, headers, parts = REQUESTS[name]
    if isinstance(parts, bytes):
        headers = headers | ({"content-length": str(len(parts))} if parts else {})
        parts = [parts]
    fast, framework = [await Edge(is_fast).answer(method, target, headers, parts) for is_fast in (True, False)]

    assert fast == framework
    assert fast["trace"] == [32]
    assert len(fast["metrics"]) == 1


@pytest.mark.parametrize("coding", ["gzip", "GZIP", "br, identity", "deflate", "x"])
@pytest.mark.parametrize("is_fast", [True, False])
async def test_compressed_body_is_refused_by_the_name_of_its_header(coding: str, *, is_fast: bool) -> None:
    raw = gzip.compress(BODY)
    answer = await Edge(is_fast).answer("POST", PATH, announced(raw) | {"content-encoding": coding}, [raw])

    error = json.loads(answer["body"])["error"]
    assert (answer["status"], error["code"], error["field"]) == (415, "unsupported_encoding", "Content-Encoding")
    assert (b"accept-encoding", b"identity") in answer["headers"]


@pytest.mark.parametrize("coding", ["identity", " Identity ", ""])
@pytest.mark.parametrize("is_fast", [True, False])
async def test_plain_body_may_be_announced_as_such(coding: str, *, is_fast: bool) -> None:
    answer = await Edge(is_fast).answer("POST", PATH, announced(BODY) | {"content-encoding": coding}, [BODY])

    assert answer["status"] == 202


PIECES = [b"{", b"}", b'"book"', b'"title"', b'"pages"', b":", b",", b"1", b'"x"', b"null", b"\xff", b"\\u0000"]


@given(raw=st.one_of(st.binary(max_size=60), st.lists(st.sampled_from(PIECES), max_size=12).map(b"".join)))
async def test_any_body_is_answered_as_by_the_frameworks_route(raw: bytes) -> None:
    fast, framework = [await Edge(is_fast).answer("POST", PATH, announced(raw), [raw]) for is_fast in (True, False)]

    assert fast == framework


async def test_client_that_leaves_is_told_nothing() -> None:
    answers = []
    for is_fast in (True, False):
        edge = Edge(is_fast)
        sent: list[Any] = []

        async def receive() -> Any:  # noqa: ANN401 - ASGI
            return {"type": "http.disconnect"}

        async def send(message: Any, sent: list[Any] = sent) -> None:  # noqa: ANN401 - ASGI
            sent.append(message)

        await edge.app(_scope("POST", PATH, announced(BODY)), receive, send)
        answers.append((sent[0]["status"], len(sent)))

    assert answers == [(499, 2)] * 2


@pytest.mark.parametrize(("name", "passes_framework"), [("plain", False), ("invalid", False), ("dry run", True)])
async def test_plain_request_passes_nothing_of_the_framework(name: str, *, passes_framework: bool) -> None:
    entered = []
    edge = Edge(is_fast=True)

    async def framework(scope: Any, _receive: Any, send: Any) -> None:  # noqa: ANN401 - ASGI
        entered.append(scope["path"])
        await PreparedResponse(200, b"{}").response()(scope, _receive, send)

    edge.app.state.fast_paths[PATH]._framework = framework  # noqa: SLF001 - where it goes in
    method, target, _, body = REQUESTS[name]
    assert isinstance(body, bytes)
    await edge.answer(method, target, announced(body), [body])

    assert bool(entered) == passes_framework
