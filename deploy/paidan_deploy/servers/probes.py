"""Readiness probes: a request in the server's own protocol, whose answer shows whether it serves clients now."""

import http.client
import json
import socket
import ssl
import struct
from contextlib import nullcontext
from typing import Final, Literal

from paidan_chassis.edge.headers import INSTANCE_HEADER
from paidan_deploy.servers.ports import LOOPBACK

# An ApiVersions request, version 0: a broker answers only after the controller has unfenced it.
API_VERSIONS_REQUEST: Final = struct.pack(">hhih", 18, 0, 1, -1)
STARTUP_MESSAGE: Final = struct.pack(">i", 196608) + b"user\0postgres\0database\0postgres\0\0"
TIMEOUT_S: Final = 2.0
# A service answers from memory, and the supervisor probes all of them in turn.
SERVICE_TIMEOUT_S: Final = 0.5
_MAX_ANSWER_BYTES: Final = 100_000
ProbeResult = Literal["ready", "unready", "silent", "other_process"]


def kafka_is_ready(port: int, *, tls: bool = False) -> bool:
    """Check whether the broker accepts requests."""
    answer = _send_and_receive(port, struct.pack(">i", len(API_VERSIONS_REQUEST)) + API_VERSIONS_REQUEST, 10, tls=tls)
    return len(answer) == 10 and struct.unpack(">h", answer[8:10])[0] == 0


def postgres_is_ready(port: int) -> bool:
    """Check whether PostgreSQL accepts sessions: it requests authentication and is not starting up."""
    return _send_and_receive(port, struct.pack(">i", len(STARTUP_MESSAGE) + 4) + STARTUP_MESSAGE, 1) == b"R"


def probe_service(port: int, instance: str) -> ProbeResult:
    """Probe whether a service serves; a loop of it may be halted.

    An answer without its instance id comes from another process on its port.
    """
    try:
        status, answering_instance, _ = _get(port, "/readyz/edge")
    except http.client.HTTPException:
        return "other_process"
    except OSError:
        return "silent"
    if answering_instance != instance:
        return "other_process"
    return "ready" if status == http.client.OK else "unready"


def fetch_halted_loops(port: int, instance: str) -> dict[str, str] | None:
    """Return a service's halted loops with the reasons; None when it does not answer."""
    try:
        _, answering_instance, body = _get(port, "/healthz")
        halted = json.loads(body)["halted"] if answering_instance == instance else None
    except (http.client.HTTPException, OSError, ValueError, KeyError, TypeError):
        return None
    return {str(name): str(reason) for name, reason in halted.items()} if isinstance(halted, dict) else None


def _get(port: int, path: str) -> tuple[int, str, bytes]:
    """Return an answer's status, the instance that answers, and its body."""
    connection = http.client.HTTPConnection(LOOPBACK, port, timeout=SERVICE_TIMEOUT_S)
    try:
        connection.request("GET", path)
        response = connection.getresponse()
        return response.status, response.getheader(INSTANCE_HEADER, ""), response.read(_MAX_ANSWER_BYTES)
    finally:
        connection.close()


def _send_and_receive(port: int, request: bytes, length: int, *, tls: bool = False) -> bytes:
    """Send a request and read up to so many bytes; none when nothing listens or answers in time."""
    try:
        with (
            socket.create_connection((LOOPBACK, port), timeout=TIMEOUT_S) as connection,
            _encrypted(connection) if tls else nullcontext(connection) as stream,
        ):
            stream.sendall(request)
            return _receive(stream, length)
    except OSError:
        return b""


def _encrypted(connection: socket.socket) -> ssl.SSLSocket:
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE  # on loopback, and nothing secret is sent
    return context.wrap_socket(connection)


def _receive(connection: socket.socket, length: int) -> bytes:
    received = b""
    while len(received) < length:
        chunk = connection.recv(length - len(received))
        if not chunk:
            break
        received += chunk
    return received
