"""API keys: generated, stored, revoked and looked up, as persons' tokens are. Scopes are opaque; services read them."""

import asyncio
import hashlib
import math
import re
import secrets
import time
from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Final, NamedTuple

from paidan_chassis.database import Connection, Pool
from paidan_chassis.edge.audit import AccessRecorder
from paidan_chassis.edge.issuer_keys import PersonTokenVerifier
from paidan_chassis.edge.person_tokens import is_person_token
from paidan_chassis.edge.rate_limit import NO_LIMIT, Allowance, RateLimit, RateLimiter

TOKEN_PREFIX: Final = "pdk_"  # noqa: S105 - what every token begins with is no secret
_TOKEN: Final = re.compile(r"pdk_[A-Za-z0-9_-]{43}")


@dataclass(frozen=True, slots=True)
class Principal:
    """The caller of a request: the holder of its API key, or a person who signed in, with an opaque id and post."""

    key_id: str
    """Of a person, ``person_`` and the person's id: logs, limits and grants name it as they name a key."""
    name: str
    city: str
    scopes: frozenset[str]
    person: str | None = None
    post: str | None = None


@dataclass(frozen=True, slots=True)
class ApiKey:
    """A stored key, without its token, which cannot be recovered."""

    key_id: str
    name: str
    city: str
    scopes: tuple[str, ...]
    created_at: datetime
    revoked_at: datetime | None
    expires_at: datetime | None
    """None of a key of 0.1, which is valid until it is revoked."""
    last_used_at: datetime | None
    granted_by: str | None


@dataclass(frozen=True, slots=True)
class NewApiKey:
    """A key to be stored. The same one is added to every service's schema in one transaction."""

    key_id: str
    token_hash: bytes
    name: str
    city: str
    scopes: tuple[str, ...]
    expires_at: datetime | None = None
    granted_by: str | None = None


def generate_key(
    *,
    name: str,
    city: str,
    scopes: Collection[str],
    expires_at: datetime | None = None,
    granted_by: str | None = None,
) -> tuple[str, NewApiKey]:
    """Return a new token, to be shown once, and the key to store for it. City and scopes are not validated."""
    token = TOKEN_PREFIX + secrets.token_urlsafe(32)
    key_id = "key_" + secrets.token_hex(8)
    stored = NewApiKey(key_id, hash_token(token), name, city, tuple(sorted(set(scopes))), expires_at, granted_by)
    return token, stored


def hash_token(token: str) -> bytes:
    """Return the hash under which a token is stored and looked up.

    A plain SHA-256, not a slow hash: those protect guessable passwords. A token has 256 random
    bits, which nobody can search, and each request has to pay for the hash.
    """
    return hashlib.sha256(token.encode()).digest()


async def add_key(conn: Connection, schema: str, key: NewApiKey) -> None:
    """Store a key in one service's schema; adding the same key again changes nothing but when it expires."""
    await conn.execute(
        f"INSERT INTO {_quote_identifier(schema)}.api_key AS known"
        " (key_id, hash, name, city, scopes, expires_at, granted_by) VALUES ($1, $2, $3, $4, $5, $6, $7)"
        " ON CONFLICT (key_id) DO UPDATE SET expires_at = EXCLUDED.expires_at WHERE known.revoked_at IS NULL",
        key.key_id,
        key.token_hash,
        key.name,
        key.city,
        list(key.scopes),
        key.expires_at,
        key.granted_by,
    )


async def list_keys(conn: Connection, schema: str) -> list[ApiKey]:
    """Return every key, revoked ones included, oldest first."""
    rows = await conn.fetch(
        "SELECT key_id, name, city, scopes, created_at, revoked_at, expires_at, last_used_at, granted_by"
        f" FROM {_quote_identifier(schema)}.api_key ORDER BY created_at, key_id"
    )
    return [ApiKey(**{**row, "scopes": tuple(row["scopes"])}) for row in rows]


async def revoke_key(conn: Connection, schema: str, key_id: str) -> bool:
    """Revoke a key and return whether it exists. Running processes accept it until their ``KeyRing`` entry expires."""
    status = await conn.execute(
        f"UPDATE {_quote_identifier(schema)}.api_key SET revoked_at = COALESCE(revoked_at, clock_timestamp())"
        " WHERE key_id = $1",
        key_id,
    )
    return status == "UPDATE 1"


class CachedKey(NamedTuple):
    """A cached look-up: the principal of a token, or None for an invalid token; and when the entry expires."""

    expires_at: float
    principal: Principal | None
    allowance: Allowance


class KeyRing:
    """Looks up the principals of tokens. Results are cached for a few seconds, by the token's hash.

    Without ``persons``, the tokens of persons are refused as unknown keys are.
    """

    def __init__(
        self,
        pool: Pool,
        *,
        limit: RateLimit = NO_LIMIT,
        persons: PersonTokenVerifier | None = None,
        ttl_s: float = 5.0,
        query_timeout_s: float = 5.0,
        max_entries: int = 4096,
    ) -> None:
        self.limiter = RateLimiter(pool, limit)
        self.recorder = AccessRecorder(pool)
        self._pool = pool
        self._persons = persons
        self._query_timeout_s = query_timeout_s
        self._ttl_s = ttl_s
        self._max_entries = max_entries
        self.cache: dict[bytes, CachedKey] = {}

    async def find(self, token: str) -> Principal | None:
        """Return the holder of a token; None if there is none or the key is revoked or has expired."""
        return (await self.look_up(token)).principal

    async def look_up(self, token: str) -> CachedKey:
        """Return the entry of a token, from the cache if it is there; raise ``Problem`` for a person's invalid one."""
        is_key = _TOKEN.fullmatch(token) is not None
        if not is_key and (self._persons is None or not is_person_token(token)):
            return _NO_KEY
        token_hash = hash_token(token)
        found = self.cache.get(token_hash)
        if found is None or found.expires_at < time.monotonic():
            found = await (self._load_key(token_hash) if is_key else self._verify_person(token))
            self._evict()
            self.cache[token_hash] = found
        return found

    async def _load_key(self, token_hash: bytes) -> CachedKey:
        principal = await self._load(token_hash)
        return CachedKey(time.monotonic() + self._ttl_s, principal, self._allowance_of(principal))

    async def _verify_person(self, token: str) -> CachedKey:
        assert self._persons is not None  # noqa: S101 - looked up only then
        verified = await self._persons.verify(token)
        claims = verified.claims
        key_id = f"person_{claims.person}"
        principal = Principal(key_id, claims.post or "person", claims.city, claims.scopes, claims.person, claims.post)
        expires_at = time.monotonic() + min(self._ttl_s, verified.valid_for_s)
        return CachedKey(expires_at, principal, self.limiter.allowance(key_id))

    def _allowance_of(self, principal: Principal | None) -> Allowance:
        if principal is None:
            return _NO_KEY.allowance
        self.recorder.note_use(principal.key_id)
        return self.limiter.allowance(principal.key_id)

    def _evict(self) -> None:
        if len(self.cache) < self._max_entries:
            return
        # Guessed tokens must neither fill the memory nor evict valid ones; those of persons are new every minute.
        now = time.monotonic()
        self.cache = {each: found for each, found in self.cache.items() if found.principal and found.expires_at > now}
        if len(self.cache) >= self._max_entries:
            self.cache.clear()

    async def _load(self, token_hash: bytes) -> Principal | None:
        async with self._pool.acquire(timeout=self._query_timeout_s) as conn:
            row = await conn.fetchrow(_SELECT_BY_HASH, token_hash, timeout=self._query_timeout_s)
        return Principal(row["key_id"], row["name"], row["city"], frozenset(row["scopes"])) if row else None


@asynccontextmanager
async def open_key_ring(
    pool: Pool, limit: RateLimit, persons: PersonTokenVerifier | None = None
) -> AsyncIterator[KeyRing]:
    """Open a key ring whose records of refusals and uses are written while the context is open."""
    keys = KeyRing(pool, limit=limit, persons=persons)
    async with asyncio.TaskGroup() as task_group:
        writer = task_group.create_task(keys.recorder.run(), name="access records")
        try:
            yield keys
        finally:
            # Not cancelled: the counts that it has in hand would be lost.
            keys.recorder.close()
            await asyncio.wait([writer])


_SELECT_BY_HASH: Final = """
    SELECT key_id, name, city, scopes
      FROM api_key
     WHERE hash = $1
       AND revoked_at IS NULL
       AND (expires_at IS NULL OR expires_at > clock_timestamp())
"""
_NO_KEY: Final = CachedKey(math.inf, None, Allowance("", 0.0))


def _quote_identifier(schema: str) -> str:
    return '"' + schema.replace('"', '""') + '"'
