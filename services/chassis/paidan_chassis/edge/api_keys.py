"""API keys: generated, stored, revoked and looked up. Scopes are opaque here; services interpret them."""

import hashlib
import re
import secrets
import time
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Final, NamedTuple

from paidan_chassis.database import Connection, Pool

TOKEN_PREFIX: Final = "pdk_"  # noqa: S105 - what every token begins with is no secret
_TOKEN: Final = re.compile(r"pdk_[A-Za-z0-9_-]{43}")


@dataclass(frozen=True, slots=True)
class Principal:
    """The caller of a request: the holder of its API key."""

    key_id: str
    name: str
    city: str
    scopes: frozenset[str]


@dataclass(frozen=True, slots=True)
class ApiKey:
    """A stored key, without its token, which cannot be recovered."""

    key_id: str
    name: str
    city: str
    scopes: tuple[str, ...]
    created_at: datetime
    revoked_at: datetime | None


@dataclass(frozen=True, slots=True)
class NewApiKey:
    """A key to be stored. The same one is added to every service's schema in one transaction."""

    key_id: str
    token_hash: bytes
    name: str
    city: str
    scopes: tuple[str, ...]


def generate_key(*, name: str, city: str, scopes: Collection[str]) -> tuple[str, NewApiKey]:
    """Return a new token, to be shown once, and the key to store for it. City and scopes are not validated."""
    token = TOKEN_PREFIX + secrets.token_urlsafe(32)
    key_id = "key_" + secrets.token_hex(8)
    return token, NewApiKey(key_id, hash_token(token), name, city, tuple(sorted(set(scopes))))


def hash_token(token: str) -> bytes:
    """Return the hash under which a token is stored and looked up.

    A plain SHA-256, not a slow hash: those protect guessable passwords. A token has 256 random
    bits, which nobody can search, and each request has to pay for the hash.
    """
    return hashlib.sha256(token.encode()).digest()


async def add_key(conn: Connection, schema: str, key: NewApiKey) -> None:
    """Store a key in one service's schema; adding the same key again changes nothing."""
    await conn.execute(
        f"INSERT INTO {_quote_identifier(schema)}.api_key (key_id, hash, name, city, scopes)"
        " VALUES ($1, $2, $3, $4, $5) ON CONFLICT (key_id) DO NOTHING",
        key.key_id,
        key.token_hash,
        key.name,
        key.city,
        list(key.scopes),
    )


async def list_keys(conn: Connection, schema: str) -> list[ApiKey]:
    """Return every key, revoked ones included, oldest first."""
    rows = await conn.fetch(
        f"SELECT key_id, name, city, scopes, created_at, revoked_at FROM {_quote_identifier(schema)}.api_key"
        " ORDER BY created_at, key_id"
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


class CachedPrincipal(NamedTuple):
    """A cached look-up: the principal of a token, or None for an invalid token, and when the entry expires."""

    expires_at: float
    principal: Principal | None


class KeyRing:
    """Looks up the principals of tokens. Results are cached for a few seconds, by the token's hash."""

    def __init__(
        self,
        pool: Pool,
        *,
        ttl_s: float = 5.0,
        query_timeout_s: float = 5.0,
        max_entries: int = 4096,
    ) -> None:
        self._pool = pool
        self._query_timeout_s = query_timeout_s
        self._ttl_s = ttl_s
        self._max_entries = max_entries
        self.cache: dict[bytes, CachedPrincipal] = {}

    async def find(self, token: str) -> Principal | None:
        """Return the holder of a token; None if there is none or the key is revoked."""
        if not _TOKEN.fullmatch(token):
            return None
        token_hash = hash_token(token)
        found = self.cache.get(token_hash)
        if found is None or found.expires_at < time.monotonic():
            found = CachedPrincipal(time.monotonic() + self._ttl_s, await self._look_up(token_hash))
            self._evict()
            self.cache[token_hash] = found
        return found.principal

    def _evict(self) -> None:
        if len(self.cache) < self._max_entries:
            return
        # Guessed tokens must neither fill the memory nor evict valid ones.
        self.cache = {token_hash: found for token_hash, found in self.cache.items() if found.principal}
        if len(self.cache) >= self._max_entries:
            self.cache.clear()

    async def _look_up(self, token_hash: bytes) -> Principal | None:
        async with self._pool.acquire(timeout=self._query_timeout_s) as conn:
            row = await conn.fetchrow(_SELECT_BY_HASH, token_hash, timeout=self._query_timeout_s)
        return Principal(row["key_id"], row["name"], row["city"], frozenset(row["scopes"])) if row else None


_SELECT_BY_HASH: Final = "SELECT key_id, name, city, scopes FROM api_key WHERE hash = $1 AND revoked_at IS NULL"


def _quote_identifier(schema: str) -> str:
    return '"' + schema.replace('"', '""') + '"'
