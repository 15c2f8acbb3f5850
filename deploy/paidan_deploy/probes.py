"""Asking a server whether it would serve a client now, with the first bytes of its own protocol."""

import socket
import struct
from typing import Final

from paidan_deploy.ports import LOOPBACK

# An ApiVersions request, version 0: a broker answers only after its controller has unfenced it.
KAFKA_HELLO: Final = struct.pack(">hhih", 18, 0, 1, -1)
POSTGRES_HELLO: Final = struct.pack(">i", 196608) + b"user\0postgres\0database\0postgres\0\0"
TIMEOUT_S: Final = 2.0


def kafka_answers(port: int) -> bool:
    """Say whether the broker takes requests."""
    answer = _ask(port, struct.pack(">i", len(KAFKA_HELLO)) + KAFKA_HELLO, 10)
    return len(answer) == 10 and struct.unpack(">h", answer[8:10])[0] == 0


def postgres_answers(port: int) -> bool:
    """Say whether PostgreSQL takes sessions: it asks for a password or lets in, not says that it is starting."""
    return _ask(port, struct.pack(">i", len(POSTGRES_HELLO) + 4) + POSTGRES_HELLO, 1) == b"R"


def _ask(port: int, question: bytes, length: int) -> bytes:
    """Send the question and read up to so many bytes; nothing at all when nobody listens or answers in time."""
    try:
        with socket.create_connection((LOOPBACK, port), timeout=TIMEOUT_S) as connection:
            connection.sendall(question)
            return _read(connection, length)
    except OSError:
        return b""


def _read(connection: socket.socket, length: int) -> bytes:
    answer = b""
    while len(answer) < length:
        more = connection.recv(length - len(answer))
        if not more:
            break
        answer += more
    return answer
