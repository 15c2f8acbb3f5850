"""A proxy before PostgreSQL that cuts the connection at COMMIT, or at another statement."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from enum import Enum
from urllib.parse import urlsplit, urlunsplit

COMMIT_STATEMENT = b"COMMIT;\x00"


class CutPoint(Enum):
    """On which side of the server's commit the connection is cut."""

    BEFORE_SERVER = "before the server has it"
    BEFORE_ANSWER = "before its answer is through"


@dataclass(slots=True)
class CommitProxy:
    """The proxy's address, and the commits that it has counted and cut."""

    dsn: str
    cut_point: CutPoint
    every: int
    statement: bytes
    commit_count: int = 0
    cut_count: int = 0

    def should_cut(self, chunk: bytes) -> bool:
        """Return whether this is a statement to be cut."""
        if self.statement not in chunk:
            return False
        self.commit_count += 1
        if self.commit_count % self.every:
            return False
        self.cut_count += 1
        return True


@asynccontextmanager
async def commit_proxy(
    dsn: str, cut_point: CutPoint, *, every: int, statement: bytes = COMMIT_STATEMENT
) -> AsyncIterator[CommitProxy]:
    """Run a proxy for a server, which cuts the connection at every n-th message with these bytes."""
    address = urlsplit(dsn)
    proxy = CommitProxy("", cut_point, every, statement)

    async def serve(client: asyncio.StreamReader, client_writer: asyncio.StreamWriter) -> None:
        server, server_writer = await asyncio.open_connection(address.hostname, address.port)
        answers = asyncio.ensure_future(_forward_to_client(server, client_writer))
        with contextlib.suppress(ConnectionError):
            await _forward_to_server(client, server_writer, proxy, answers)
        for writer in (server_writer, client_writer):
            writer.close()
        answers.cancel()

    listener = await asyncio.start_server(serve, "127.0.0.1", 0)
    port = listener.sockets[0].getsockname()[1]
    proxy.dsn = urlunsplit(address._replace(netloc=f"{address.username}@127.0.0.1:{port}"))
    try:
        yield proxy
    finally:
        listener.close()


async def _forward_to_server(
    client: asyncio.StreamReader,
    server_writer: asyncio.StreamWriter,
    proxy: CommitProxy,
    answers: "asyncio.Future[None]",
) -> None:
    while chunk := await client.read(65536):
        if proxy.should_cut(chunk):
            if proxy.cut_point is CutPoint.BEFORE_ANSWER:
                answers.cancel()
                server_writer.write(chunk)
                await server_writer.drain()
                await asyncio.sleep(0.1)
            return
        server_writer.write(chunk)
        await server_writer.drain()


async def _forward_to_client(server: asyncio.StreamReader, client_writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(ConnectionError):
        while chunk := await server.read(65536):
            client_writer.write(chunk)
            await client_writer.drain()
