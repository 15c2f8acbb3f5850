"""A small issuer of persons' tokens for tests: a real HTTP server with a key set that a test may replace."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from paidan_chassis.edge.issuer_keys import PersonTokenVerifier
from paidan_chassis.edge.limits import DEFAULT_LIMITS
from paidan_chassis.edge.person_token_signer import JWKS_PATH, PersonTokenSigner
from paidan_chassis.edge.server import HttpServer, bind_socket

AUDIENCE: Final = "paidan"
FIRST_KEY, SECOND_KEY = (Ed25519PrivateKey.from_private_bytes(bytes([number]) * 32) for number in (1, 2))


class Issuer:
    """What it publishes, how often that was fetched, and whether and how it answers."""

    def __init__(self) -> None:
        self.keys = [FIRST_KEY]
        self.fetches = 0
        self.broken_status = 0
        self.drips = False
        self.address = ""

    @property
    def signer(self) -> PersonTokenSigner:
        """Return a signer with its keys."""
        return PersonTokenSigner(self.address, AUDIENCE, self.keys)

    @property
    def jwks_url(self) -> str:
        """Return the address of its keys."""
        return self.address + JWKS_PATH

    def verifier(self) -> PersonTokenVerifier:
        """Return a verifier that knows none of its keys yet."""
        return PersonTokenVerifier.of(self.address, AUDIENCE, self.jwks_url)

    async def serve_keys(self, _request: Request) -> Response:
        """Answer with the key set; when broken, with more than anybody reads, or byte by byte without an end."""
        self.fetches += 1
        if self.drips:
            return StreamingResponse(_drip())
        if self.broken_status:
            return Response("x" * 100_000, self.broken_status)
        return JSONResponse(self.signer.key_set())


async def _drip() -> AsyncIterator[bytes]:
    while True:
        yield b" "
        await asyncio.sleep(0.02)


@asynccontextmanager
async def open_issuer() -> AsyncIterator[Issuer]:
    """Serve an issuer on a free port."""
    opened = Issuer()
    app = Starlette(routes=[Route(JWKS_PATH, opened.serve_keys)])
    with bind_socket("127.0.0.1", 0) as sock:
        server = HttpServer(app, sock, stop_within_s=1, limits=DEFAULT_LIMITS)
        serving = asyncio.create_task(server.serve())
        opened.address = f"http://127.0.0.1:{server.port}"
        yield opened
        server.stop()
        await serving
