"""The public keys of the issuer of persons' tokens, from its JWK set: cached, and read again for an unknown key."""

import asyncio
import json
import ssl
import time
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from math import inf
from typing import Any, Final

import httpx
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from jwt import PyJWTError
from jwt.algorithms import OKPAlgorithm

from paidan_chassis.clock import real_now
from paidan_chassis.edge import person_tokens
from paidan_chassis.edge.person_tokens import VerifiedToken
from paidan_chassis.edge.problems import Problem
from paidan_chassis.observability.logs import get_logger

_FETCH_TIMEOUT_S: Final = 3.0
"""For all of it: an issuer that sends a byte now and then would keep every request with an unknown key waiting."""
_MAX_BYTES: Final = 65_536
_log = get_logger()
Fetch = Callable[[], Awaitable[bytes]]
ScopeFault = Callable[[frozenset[str]], tuple[str, str] | None]
"""Returns why scopes cannot be read, in English and Chinese; None if they can: what they mean, services know."""


class KeySetUnavailable(Exception):
    """The issuer's JWK set cannot be fetched or read."""


@dataclass(frozen=True, slots=True)
class RefreshTerms:
    """When the key set is read again, in seconds.

    ``every_s``: after a success. ``retry_after_s``: at most once in this time, however many unknown keys are named.
    ``kept_for_s``: while the issuer cannot be reached, known keys are used this long.
    """

    every_s: float = 300
    retry_after_s: float = 2
    kept_for_s: float = 3600


class IssuerKeys:
    """Looks up the issuer's keys by id. ``fetch`` returns the JWK set's bytes or raises ``KeySetUnavailable``."""

    def __init__(self, fetch: Fetch, terms: RefreshTerms = RefreshTerms()) -> None:
        self._fetch = fetch
        self._terms = terms
        self._keys: Mapping[str, Ed25519PublicKey] = {}
        self._fetched_at_s = -inf
        self._tried_at_s = -inf
        self._lock = asyncio.Lock()

    async def find(self, key_id: str) -> Ed25519PublicKey | None:
        """Return a key; None if the issuer publishes no such key. Raises ``KeySetUnavailable`` if that is unknown."""
        is_fresh = self._age_s() < self._terms.every_s
        # A known key does not wait for the refresh that another request has begun.
        if key_id not in self._keys or not (is_fresh or self._lock.locked()):
            await self._refresh()
        if self._age_s() > self._terms.kept_for_s:
            raise KeySetUnavailable
        return self._keys.get(key_id)

    def _age_s(self) -> float:
        return time.monotonic() - self._fetched_at_s

    async def _refresh(self) -> None:
        async with self._lock:
            if time.monotonic() - self._tried_at_s < self._terms.retry_after_s:
                return
            try:
                self._keys = parse_key_set(await self._fetch())
                self._fetched_at_s = time.monotonic()
            except KeySetUnavailable as error:
                _log.warning("issuer_keys_unavailable", fault=str(error))
            finally:
                # From its end: an issuer that hangs would otherwise be waited for by each request in turn.
                self._tried_at_s = time.monotonic()


@dataclass(frozen=True, slots=True)
class PersonTokenVerifier:
    """Verifies tokens of one issuer for one installation."""

    issuer: str
    audience: str
    keys: IssuerKeys
    scope_fault: ScopeFault = lambda _scopes: None

    @classmethod
    def of(
        cls, issuer: str, audience: str, jwks_url: str, scope_fault: ScopeFault = lambda _scopes: None
    ) -> "PersonTokenVerifier":
        """Return a verifier that fetches the issuer's keys from this address."""
        return cls(issuer, audience, IssuerKeys(partial(fetch_key_set, jwks_url)), scope_fault)

    async def verify(self, token: str) -> VerifiedToken:
        """Return what a token says; raise ``Problem`` 401 if it is invalid, 503 if nobody can tell."""
        key_id = person_tokens.read_key_id(token)
        try:
            key = await self.keys.find(key_id)
        except KeySetUnavailable:
            message = "the keys of the persons' issuer cannot be read now"
            raise Problem(503, "unavailable", message, "暂时无法读取人员令牌签发方的密钥", retry_after_s=5) from None
        if key is None:
            raise person_tokens.unknown_key()
        verified = person_tokens.verify_token(token, key, issuer=self.issuer, audience=self.audience, now=real_now())
        if (fault := self.scope_fault(verified.claims.scopes)) is not None:
            raise person_tokens.invalid_scopes(*fault)
        return verified


async def fetch_key_set(url: str, *, within_s: float = _FETCH_TIMEOUT_S) -> bytes:
    """Return the body at an address; raise ``KeySetUnavailable`` for any other response than a small 200."""
    body = b""
    try:
        async with (
            asyncio.timeout(within_s),
            httpx.AsyncClient(timeout=within_s, trust_env=False, verify=ssl.create_default_context()) as client,
            client.stream("GET", url) as response,
        ):
            if response.status_code != 200:
                raise KeySetUnavailable(f"status {response.status_code}")
            async for part in response.aiter_bytes():
                body += part
                if len(body) > _MAX_BYTES:
                    raise KeySetUnavailable(f"more than {_MAX_BYTES} bytes")
    except (httpx.HTTPError, TimeoutError) as error:
        raise KeySetUnavailable(type(error).__name__) from error
    return body


def parse_key_set(body: bytes) -> dict[str, Ed25519PublicKey]:
    """Return the Ed25519 keys of a JWK set by id. Others are left out: an issuer may publish them for someone else."""
    try:
        entries = json.loads(body)["keys"]
        return {entry["kid"]: key for entry in entries if (key := _public_key(entry)) is not None}
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise KeySetUnavailable("it is no JWK set") from error


def _public_key(entry: dict[str, Any]) -> Ed25519PublicKey | None:
    if not isinstance(entry.get("kid"), str) or entry.get("use", "sig") != "sig":
        return None
    with suppress(PyJWTError, ValueError):
        key = OKPAlgorithm.from_jwk(entry)
        return key if isinstance(key, Ed25519PublicKey) else None
    return None
