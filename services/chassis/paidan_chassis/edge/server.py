"""The HTTP server inside our own process: our socket, our signals, our end."""

import socket
from collections.abc import Generator
from contextlib import contextmanager

import uvicorn
from starlette.types import ASGIApp

from paidan_chassis.edge.limits import DEFAULT, Limits, limited

_KEEP_ALIVE_TIMEOUT_S = 75  # uvicorn's 5 s drop the pooled connections of those who send every few seconds


class HttpServer:
    """One uvicorn server on one socket that is bound already, so that a taken port is an ordinary error."""

    def __init__(self, app: ASGIApp, sock: socket.socket, *, stop_within_s: float, limits: Limits = DEFAULT) -> None:
        self._sock = sock
        self._server = _UvicornServer(
            uvicorn.Config(
                app,
                http=limited(limits),
                ws="none",
                lifespan="off",
                log_config=None,
                access_log=False,
                server_header=False,
                proxy_headers=False,  # nothing here asks who called or by which scheme
                timeout_keep_alive=_KEEP_ALIVE_TIMEOUT_S,
                timeout_graceful_shutdown=max(1, int(stop_within_s)),
            )
        )

    @property
    def port(self) -> int:
        """Tell the port it listens on, chosen by the system where the settings said 0."""
        port: int = self._sock.getsockname()[1]
        return port

    async def serve(self) -> None:
        """Answer requests until stopped, and finish those in hand."""
        await self._server.serve(sockets=[self._sock])

    def stop(self) -> None:
        """Take no further request; ``serve`` returns when those in hand are answered."""
        self._server.should_exit = True


class _UvicornServer(uvicorn.Server):
    @contextmanager
    def capture_signals(self) -> Generator[None, None, None]:
        """Leave signals alone: the process stops its parts in order."""
        yield


def bind_socket(host: str, port: int) -> socket.socket:
    """Bind the edge's socket; a port still lingering from our predecessor is no obstacle."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    sock = socket.socket(family, socket.SOCK_STREAM)
    try:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.bind((host, port))
        sock.listen(2048)  # from here on nobody is refused, even before the server looks at its queue
    except OSError:
        sock.close()
        raise
    sock.set_inheritable(False)
    return sock
