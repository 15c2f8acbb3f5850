"""Finding a port to listen on: the remembered or fixed one when it is free, any other when not."""

import socket
from collections.abc import Sequence

LOOPBACK = "127.0.0.1"


def is_free(port: int) -> bool:
    """Say whether a server could listen on this port of the loopback address now."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        # A port left in TIME_WAIT by a killed server is free to a server, which sets the same option.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
        except OSError:
            return False
        return True


def choose(wanted: Sequence[int | None], *, taken: frozenset[int] = frozenset()) -> int:
    """Take the first wanted port that is free, else one the system picks."""
    for port in wanted:
        if port and port not in taken and is_free(port):
            return port
    return _any_free(taken)


def _any_free(taken: frozenset[int]) -> int:
    while True:
        with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
            probe.bind((LOOPBACK, 0))
            port = int(probe.getsockname()[1])
        if port not in taken:
            return port
