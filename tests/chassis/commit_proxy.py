"""A proxy before PostgreSQL that cuts the connection at COMMIT."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from enum import Enum
from urllib.parse import urlsplit, urlunsplit

COMMIT = b"COMMIT;\x00"


class Cut(Enum):
    """On which side of the server's commit the connection dies."""

    BEFORE_SERVER = "before the server has it"
    BEFORE_ANSWER = "before its answer is through"


@dataclass(slots=True)
class Proxy:
    """Where the proxy listens, and what it has done."""

    dsn: str
    cut: Cut
    every: int
    commits: int = 0
    cuts: int = 0

    def due(self, chunk: bytes) -> bool:
        """Tell whether this is a COMMIT to be cut."""
        if COMMIT not in chunk:
            return False
        self.commits += 1
        if self.commits % self.every:
            return False
        self.cuts += 1
        return True


@asynccontextmanager
async def cutting_proxy(dsn: str, cut: Cut, *, every: int) -> AsyncIterator[Proxy]:
    """Stand before a server; every so many commits, cut."""
    address = urlsplit(dsn)
    proxy = Proxy("", cut, every)

    async def serve(client: asyncio.StreamReader, back: asyncio.StreamWriter) -> None:
        server, there = await asyncio.open_connection(address.hostname, address.port)
        answers = asyncio.ensure_future(_pass_on(server, back))
        with contextlib.suppress(ConnectionError):
            await _listen(client, there, proxy, answers)
        for writer in (there, back):
            writer.close()
        answers.cancel()

    listener = await asyncio.start_server(serve, "127.0.0.1", 0)
    port = listener.sockets[0].getsockname()[1]
    proxy.dsn = urlunsplit(address._replace(netloc=f"{address.username}@127.0.0.1:{port}"))
    try:
        yield proxy
    finally:
        listener.close()


async def _listen(
    client: asyncio.StreamReader, there: asyncio.StreamWriter, proxy: Proxy, answers: "asyncio.Future[None]"
) -> None:
    while chunk := await client.read(65536):
        if proxy.due(chunk):
            if proxy.cut is Cut.BEFORE_ANSWER:
                answers.cancel()
                there.write(chunk)
                await there.drain()
                await asyncio.sleep(0.1)
            return
        there.write(chunk)
        await there.drain()


async def _pass_on(server: asyncio.StreamReader, back: asyncio.StreamWriter) -> None:
    with contextlib.suppress(ConnectionError):
        while chunk := await server.read(65536):
            back.write(chunk)
            await back.drain()
