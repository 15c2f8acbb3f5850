"""A small OpenID Connect provider in this process, which a test may make lie, forget, or rotate its keys."""

import asyncio
import base64
import hmac
import json
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any, Final

from joserfc import jwt
from joserfc.jwk import ECKey
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from paidan_chassis.edge.server import HttpServer, bind_socket

CLIENT_ID: Final = "cockpit"
_LIFE_S: Final = 300


class PlainProvider:
    """What it signs with and publishes, and what it says of whoever signs in; tests replace each of these."""

    def __init__(self) -> None:
        self.address = ""
        self.key = ECKey.generate_key("P-256", {"kid": "1"})
        self.published: list[dict[str, Any]] = []
        self.header: dict[str, Any] = {"alg": "ES256", "kid": "1"}
        self.claims: dict[str, Any] = {}
        self.userinfo: Response = JSONResponse({})
        self.metadata: dict[str, Any] = {}
        self.secrets: list[tuple[bool, bool]] = []
        """Of each exchanged code, whether the client's secret stood in the header and in the form."""
        self.publish(self.key)

    def publish(self, key: ECKey, *, with_id: bool = True) -> None:
        """Replace the key, in the set of keys too; without an id neither the set nor a token names it."""
        self.key = key
        public = key.as_dict(private=False)
        self.published = [public if with_id else {name: value for name, value in public.items() if name != "kid"}]
        self.header = {"alg": "ES256"} | ({"kid": public["kid"]} if with_id else {})

    def say(self, subject: str, nonce: str, claims: Mapping[str, object]) -> None:
        """Set what the next ID token says; a claim that is None is left out."""
        now = int(time.time())
        all_claims: dict[str, object] = {
            "iss": self.address, "aud": CLIENT_ID, "sub": subject, "nonce": nonce, "iat": now, "exp": now + _LIFE_S,
        } | dict(claims)  # fmt: skip
        self.claims = {name: value for name, value in all_claims.items() if value is not None}

    def _id_token(self) -> str:
        if self.header["alg"] in ("HS256", "none"):
            # No library signs so: with what everybody knows, or not at all.
            signed = f"{_part(self.header)}.{_part(self.claims)}"
            forged = hmac.digest(self.key.as_pem(private=False), signed.encode(), "sha256")
            return f"{signed}.{_encode(forged) if self.header['alg'] == 'HS256' else ''}"
        return jwt.encode(self.header, self.claims, self.key)

    async def discover(self, _request: Request) -> Response:
        """Answer with where its parts are."""
        known = {
            "issuer": self.address,
            "authorization_endpoint": f"{self.address}/authorize",
            "token_endpoint": f"{self.address}/token",
            "userinfo_endpoint": f"{self.address}/userinfo",
            "jwks_uri": f"{self.address}/keys",
            "id_token_signing_alg_values_supported": ["ES256", "HS256", "none"],
        }
        return JSONResponse(known | self.metadata)

    async def keys(self, _request: Request) -> Response:
        """Answer with its public keys."""
        return JSONResponse({"keys": self.published})

    async def token(self, request: Request) -> Response:
        """Answer with an ID token, whatever the code."""
        self.secrets.append(("authorization" in request.headers, "client_secret" in await request.form()))
        return JSONResponse({"access_token": "a", "token_type": "Bearer", "id_token": self._id_token()})

    async def show_userinfo(self, _request: Request) -> Response:
        """Answer with what else it says."""
        return self.userinfo


def _part(content: Mapping[str, object]) -> str:
    return _encode(json.dumps(content).encode())


def _encode(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()


NO_JSON: Final = PlainTextResponse("eyJhbGciOiJFUzI1NiJ9.e30.c2lnbmVk", media_type="application/jwt")


@asynccontextmanager
async def open_plain_provider() -> AsyncIterator[PlainProvider]:
    """Serve a provider on a free port."""
    opened = PlainProvider()
    routes = [
        Route("/.well-known/openid-configuration", opened.discover),
        Route("/keys", opened.keys),
        Route("/token", opened.token, methods=["POST"]),
        Route("/userinfo", opened.show_userinfo),
    ]
    with bind_socket("127.0.0.1", 0) as sock:
        server = HttpServer(Starlette(routes=routes), sock, stop_within_s=1)
        serving = asyncio.create_task(server.serve())
        opened.address = f"http://127.0.0.1:{server.port}"
        yield opened
        server.stop()
        await serving
