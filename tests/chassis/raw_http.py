"""A small app, and raw sockets that send it HTTP byte by byte."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager, suppress

from starlette.applications import Starlette
from starlette.requests import ClientDisconnect, Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from paidan_chassis.edge.limits import ConnectionLimits
from paidan_chassis.edge.server import HttpServer, bind_socket
from tests.chassis.sample_edge import ERROR_FIELDS

Connect = Callable[[], Awaitable[tuple[asyncio.StreamReader, asyncio.StreamWriter]]]


async def length(request: Request) -> Response:
    """Return the length of the body."""
    try:
        body = await request.body()
    except ClientDisconnect:
        request.app.state.gone = True
        raise
    return PlainTextResponse(str(len(body)))


async def slow(request: Request) -> Response:
    """Answer when the test sets the event."""
    request.app.state.asked = True
    await request.app.state.go.wait()
    return PlainTextResponse("late")


async def unread(request: Request) -> Response:
    """Answer without reading the body, with more than the buffers of two sockets hold."""
    try:
        return PlainTextResponse("x" * int(request.query_params["bytes"]))
    finally:
        request.app.state.answered = True


async def caller(request: Request) -> Response:
    """Return who calls, as the server has it."""
    return PlainTextResponse(f"{request.client and request.client.host} {request.url.scheme}")


def library() -> Starlette:
    app = Starlette(
        routes=[Route(f"/{each.__name__}", each, methods=["GET", "POST"]) for each in (length, slow, unread, caller)]
    )
    app.state.go = asyncio.Event()
    return app


@asynccontextmanager
async def served(limits: ConnectionLimits, app: Starlette | None = None) -> AsyncIterator[Connect]:
    """Serve with these limits; yield a function that opens a connection."""
    with bind_socket("127.0.0.1", 0) as sock:
        listener = HttpServer(app or library(), sock, stop_within_s=1, limits=limits)
        serving = asyncio.create_task(listener.serve())
        try:
            async with AsyncExitStack() as opened:

                async def connect() -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
                    reader, writer = await asyncio.open_connection("127.0.0.1", listener.port)
                    opened.callback(writer.close)
                    return reader, writer

                yield connect
        finally:
            listener.stop()
            await serving


async def answer(reader: asyncio.StreamReader) -> tuple[int, bytes]:
    """Return the status and the body of one response."""
    async with asyncio.timeout(30):
        head = await reader.readuntil(b"\r\n\r\n")
        sizes = [line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")]
        return int(head.split()[1]), await reader.readexactly(int(sizes[0].partition(b":")[2]))


async def refused(reader: asyncio.StreamReader) -> tuple[int, str]:
    """Read a response in the common error format, after which the connection ends; return status and code."""
    status, body = await answer(reader)
    error = json.loads(body)["error"]
    assert set(error) == ERROR_FIELDS
    await ended(reader)
    return status, error["code"]


async def ended(reader: asyncio.StreamReader) -> None:
    """Wait for the end of the connection; a client that is still sending may get a reset."""
    async with asyncio.timeout(30):
        with suppress(ConnectionResetError):
            assert await reader.read() == b""


async def ask(limits: ConnectionLimits, sent: bytes) -> tuple[int, str]:
    """Send this on a new connection, and return status and code of the refusal."""
    async with served(limits) as connect:
        reader, writer = await connect()
        writer.write(sent)
        return await refused(reader)
