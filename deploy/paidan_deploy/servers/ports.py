"""Choice of a port to listen on: a preferred one when it is free, any other when not."""

import random
import socket
from collections.abc import Sequence
from typing import Final

LOOPBACK: Final = "127.0.0.1"
# Below the ephemeral range: there, a client that keeps connecting to a server that is down ends up connected to itself,
# and holds the server's port.
PORT_RANGE: Final = range(20_000, 32_000)


def is_free(port: int) -> bool:
    """Check whether a server could listen on this port of the loopback address now."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        # Servers set this option too: a port that a killed server left in TIME_WAIT is free to them.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
        except OSError:
            return False
        return True


def choose_port(preferred: Sequence[int | None], *, excluded: frozenset[int] = frozenset()) -> int:
    """Return the first preferred port that is free, else a random free one."""
    for port in preferred:
        if port and port not in excluded and is_free(port):
            return port
    return _random_free_port(excluded)


def _random_free_port(excluded: frozenset[int]) -> int:
    while True:
        port = random.choice(PORT_RANGE)  # noqa: S311 - nothing secret
        if port not in excluded and is_free(port):
            return port
