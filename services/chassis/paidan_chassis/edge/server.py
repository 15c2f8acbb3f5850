"""The HTTP server within the process: uvicorn on a socket that is bound before, without its signal handlers."""

import socket
import ssl
from collections.abc import Generator
from contextlib import contextmanager

import uvicorn
from starlette.types import ASGIApp

from paidan_chassis.edge.limits import DEFAULT_LIMITS, ConnectionLimits
from paidan_chassis.edge.prepared_responses import limited_protocol

_KEEP_ALIVE_TIMEOUT_S = 75  # uvicorn's 5 s would close pooled connections of clients that send every few seconds


class HttpServer:
    """A uvicorn server on one socket. The socket is bound already, so that a port in use raises an ordinary error."""

    def __init__(
        self,
        app: ASGIApp,
        sock: socket.socket,
        *,
        stop_within_s: float,
        limits: ConnectionLimits = DEFAULT_LIMITS,
        ssl_context: ssl.SSLContext | None = None,
    ) -> None:
        self._sock = sock
        self._server = _UvicornServer(
            uvicorn.Config(
                app,
                http=limited_protocol(limits),
                ws="none",
                lifespan="off",
                log_config=None,
                access_log=False,
                server_header=False,
                # Whoever calls could name another address: the one that is limited and logged is the connection's.
                proxy_headers=False,
                timeout_keep_alive=_KEEP_ALIVE_TIMEOUT_S,
                timeout_graceful_shutdown=max(1, int(stop_within_s)),
                ssl_context_factory=None if ssl_context is None else lambda _config, _default: ssl_context,
            )
        )

    @property
    def port(self) -> int:
        """Return the port it listens on, chosen by the system if the settings have 0."""
        port: int = self._sock.getsockname()[1]
        return port

    async def serve(self) -> None:
        """Serve until stopped; return when requests in progress are answered."""
        await self._server.serve(sockets=[self._sock])

    def stop(self) -> None:
        """Accept no further requests, so that ``serve`` returns."""
        self._server.should_exit = True


class _UvicornServer(uvicorn.Server):
    @contextmanager
    def capture_signals(self) -> Generator[None, None, None]:
        """Install no signal handlers: the process stops its components in order."""
        yield


def bind_socket(host: str, port: int) -> socket.socket:
    """Return a listening socket; a port in TIME_WAIT from the previous process can be bound."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    sock = socket.socket(family, socket.SOCK_STREAM)
    try:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.bind((host, port))
        sock.listen(2048)  # from here on connections are queued, even before the server accepts them
    except OSError:
        sock.close()
        raise
    sock.set_inheritable(False)
    return sock
