"""A hot route's answer that the connection writes whole is, byte for byte, what uvicorn writes of it."""

import asyncio
import re
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress

from fastapi import FastAPI
from starlette.responses import Response

from paidan_chassis.edge.app import EdgeConfig, create_app, hot_route
from paidan_chassis.edge.hot_routes import HotRequest, PreparedResponse
from paidan_chassis.edge.limits import DEFAULT_LIMITS
from paidan_chassis.observability.health import Health
from paidan_chassis.observability.metrics import Metrics
from tests.chassis.cached_keys import TOKENS, cached_keys
from tests.chassis.raw_http import Connect, served
from tests.chassis.sample_edge import Loan

BODY = b'{"book": {"title": "Walden", "pages": 352}}'
KEY = b"Authorization: Bearer %s\r\n" % TOKENS["desk"].encode()
TRACED = b"traceparent: 00-" + b"a" * 32 + b"-" + b"b" * 16 + b"-01\r\n"
LAST = b"GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
"""Ends a connection, so that all of it can be read."""


async def lend(call: HotRequest[Loan]) -> PreparedResponse:
    """Answer in JSON, after a turn of the event loop: a client may have sent more by then."""
    await asyncio.sleep(0)
    if call.body.book.title == "breaks":
        raise RuntimeError("secret")
    return PreparedResponse(202, b'{"title": "%b"}' % call.body.book.title.encode())


async def lend_by_uvicorn(call: HotRequest[Loan]) -> Response:
    """Answer the same in the framework's own response."""
    return (await lend(call)).response()


def app_with(handler: Callable[[HotRequest[Loan]], Awaitable[Response | PreparedResponse]]) -> FastAPI:
    metrics = Metrics("library")
    app = create_app(EdgeConfig("Library", "1", cached_keys(), Health(metrics), metrics, body_limit=2_000))
    hot_route(app, "/v1/loans", handler, name="lend", model=Loan)
    return app


def request(headers: bytes = KEY, body: bytes = BODY, *, first: bytes = b"POST /v1/loans HTTP/1.1") -> bytes:
    return b"%b\r\nHost: x\r\n%bContent-Length: %d\r\n\r\n%b" % (first, TRACED + headers, len(body), body)


def bare(lines: bytes, body: bytes = b"", *, first: bytes = b"POST /v1/loans HTTP/1.1") -> bytes:
    return first + b"\r\n" + lines + b"\r\n" + body


def pieces(sent: bytes, size: int) -> list[bytes]:
    return [sent[start : start + size] for start in range(0, len(sent), size)]


PLAIN = request()
CHUNKED = bare(
    b"Host: x\r\n" + KEY + TRACED + b"Transfer-Encoding: chunked\r\n", b"%x\r\n%b\r\n0\r\n\r\n" % (len(BODY), BODY)
)
WAITS = bare(b"Host: x\r\n" + KEY + TRACED + b"Expect: 100-continue\r\nContent-Length: %d\r\n" % len(BODY))
EXCHANGES: dict[str, Sequence[bytes]] = {
    "one": [PLAIN + LAST],
    "one, then the next later": [PLAIN, LAST],
    "without a trace id of the caller's": [
        bare(b"Host: x\r\n" + KEY + b"Content-Length: %d\r\n" % len(BODY), BODY) + LAST
    ],
    "two at once": [PLAIN * 2 + LAST],
    "twenty at once": [PLAIN * 20 + LAST],
    "two, the second in pieces": [PLAIN + PLAIN[:40], PLAIN[40:] + LAST],
    "two, the second's body late": [PLAIN + PLAIN[:-5], PLAIN[-5:] + LAST],
    "another route between": [PLAIN + b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n" + PLAIN + LAST],
    "unknown route between": [PLAIN + b"GET /none HTTP/1.1\r\nHost: x\r\n\r\n" + PLAIN + LAST],
    "in pieces of 7 bytes": pieces(PLAIN + LAST, 7),
    "in pieces of 1 byte": [*pieces(PLAIN, 1), LAST],
    "head, then body": [PLAIN[: -len(BODY)], BODY + LAST],
    "last of its connection": [request(KEY + b"Connection: close\r\n")],
    "last of its connection, more follows": [request(KEY + b"Connection: close\r\n") + PLAIN],
    "keeps alive by name": [request(KEY + b"Connection: keep-alive\r\n") + LAST],
    "upgrade": [request(KEY + b"Connection: upgrade\r\nUpgrade: websocket\r\n") + LAST],
    "HTTP/1.0": [request(first=b"POST /v1/loans HTTP/1.0")],
    "HTTP/1.0, kept alive": [request(KEY + b"Connection: keep-alive\r\n", first=b"POST /v1/loans HTTP/1.0") + LAST],
    "HTTP/0.9": [request(first=b"POST /v1/loans")],
    "HTTP/2.0": [request(first=b"POST /v1/loans HTTP/2.0")],
    "behind TLS": [request(KEY + b"X-Forwarded-Proto: https\r\nX-Forwarded-For: 10.0.0.7\r\n") + LAST],
    "capitals": [request(KEY.upper().replace(KEY.split()[2].upper(), KEY.split()[2])) + LAST],
    "waits for leave": [WAITS, BODY + LAST],
    "asks for leave and does not wait": [WAITS + BODY + LAST],
    "asks for another thing": [request(KEY + b"Expect: tea\r\n") + LAST],
    "chunked": [CHUNKED + LAST],
    "chunked, in pieces": [*pieces(CHUNKED, 11), LAST],
    "chunked, then plain": [CHUNKED + PLAIN + LAST],
    "chunked, with a trailer": [CHUNKED[:-2] + b"x: y\r\n\r\n" + LAST],
    "chunk of a wrong size": [CHUNKED.replace(b"\r\n0\r\n", b"zz\r\n0\r\n")],
    "chunked and with a length": [
        bare(b"Host: x\r\nTransfer-Encoding: chunked\r\nContent-Length: 2\r\n", b"0\r\n\r\n")
    ],
    "two lengths": [bare(b"Host: x\r\nContent-Length: 2\r\nContent-Length: 3\r\n", b"{}}")],
    "signed length": [bare(b"Host: x\r\nContent-Length: +2\r\n", b"{}")],
    "no length": [bare(b"Host: x\r\n" + KEY + TRACED) + LAST],
    "length 0": [request(body=b"") + LAST],
    "too large": [request(body=b" " * 3_000) + LAST],
    "too large, in pieces": [*pieces(request(body=b" " * 3_000), 1_000), LAST],
    "as large as may be": [request(body=BODY + b" " * (2_000 - len(BODY))) + LAST],
    "two, the second too large": [PLAIN + request(body=b" " * 3_000) + LAST],
    "no key": [request(b"") + LAST],
    "two keys": [request(KEY + KEY) + LAST],
    "limit exceeded": [request(KEY.replace(TOKENS["desk"].encode(), TOKENS["spent"].encode())) + LAST],
    "not JSON": [request(body=b"{") + LAST],
    "invalid": [request(body=b"{}") + LAST],
    "two, the first invalid": [request(body=b"{}") + PLAIN + LAST],
    "breaks": [request(body=BODY.replace(b"Walden", b"breaks")) + PLAIN + LAST],
    "no Host": [bare(KEY + b"Content-Length: 2\r\n", b"{}")],
    "two Hosts": [request(b"Host: y\r\n")],
    "query": [request(first=b"POST /v1/loans?x=1 HTTP/1.1") + LAST],
    "empty query": [request(first=b"POST /v1/loans? HTTP/1.1") + LAST],
    "escaped path": [request(first=b"POST /v1/%6coans HTTP/1.1") + LAST],
    "whole URL": [request(first=b"POST http://x/v1/loans HTTP/1.1") + LAST],
    "fragment": [request(first=b"POST /v1/loans#x HTTP/1.1") + LAST],
    "HEAD": [bare(b"Host: x\r\n" + KEY + TRACED, first=b"HEAD /v1/loans HTTP/1.1") + LAST],
    "PUT": [request(first=b"PUT /v1/loans HTTP/1.1") + LAST],
    "no method": [request(first=b"/v1/loans HTTP/1.1")],
    "bytes after the last": [PLAIN + b"\x00\x01\x02\r\n\r\n"],
    "empty lines between": [b"\r\n" + PLAIN + b"\r\n\r\n" + PLAIN + LAST],
    "head too large": [request(KEY + b"x: " + b"a" * DEFAULT_LIMITS.head_bytes + b"\r\n")],
    "two, the second's head too large": [PLAIN + request(KEY + b"x: " + b"a" * DEFAULT_LIMITS.head_bytes + b"\r\n")],
}
VARIES = re.compile(rb"(date|x-trace-id): [^\r]*")
SILENCE_S = 2.0
FIRST_ANSWER_S = 20.0
"""Each of these requests is answered, be it by a refusal."""


async def conversation(connect: Connect, sent: Sequence[bytes]) -> bytes:
    """Return all that is received on a connection until it ends or falls silent, without times and random ids."""
    reader, writer = await connect()
    received = b""
    with suppress(ConnectionResetError, TimeoutError):
        for piece in sent:
            writer.write(piece)
            await writer.drain()
            await asyncio.sleep(0)
        while True:
            async with asyncio.timeout(SILENCE_S if received else FIRST_ANSWER_S):
                part = await reader.read(100_000)
            if not part:
                received += b"<end>"
                break
            received += part
    return VARIES.sub(rb"\1: ", received)


async def conversations(app: FastAPI) -> dict[str, bytes]:
    """Return what is said in every exchange, each on a connection of its own, all at the same time."""
    async with served(DEFAULT_LIMITS, app) as connect:
        said = await asyncio.gather(*(conversation(connect, sent) for sent in EXCHANGES.values()))
    return dict(zip(EXCHANGES, said, strict=True))


async def test_connection_says_what_uvicorn_would() -> None:
    whole, by_uvicorn = [await conversations(app_with(handler)) for handler in (lend, lend_by_uvicorn)]

    for name, said in by_uvicorn.items():
        assert whole[name] == said, name
        assert said.startswith(b"HTTP/1.1 "), name
    assert whole["twenty at once"].count(b"202 Accepted") == 20


async def test_nothing_is_said_to_a_client_that_left() -> None:
    """Its answer is not written, and the connection is forgotten."""
    entered, may_answer = asyncio.Event(), asyncio.Event()

    async def lend_late(_call: HotRequest[Loan]) -> PreparedResponse:
        entered.set()
        await may_answer.wait()
        return PreparedResponse(202, b"{}")

    async with served(DEFAULT_LIMITS, app_with(lend_late)) as connect:
        _, writer = await connect()
        writer.write(PLAIN)
        await entered.wait()
        writer.transport.abort()
        may_answer.set()
        reader, writer = await connect()
        writer.write(PLAIN + LAST)
        async with asyncio.timeout(30):
            assert (await reader.read()).count(b"HTTP/1.1 20") == 2
