"""The rate limit of each API key, shared by all processes of a service: each leases blocks of it from the database."""

import asyncio
import math
import time
from dataclasses import dataclass
from typing import Final

from starlette.requests import Request

from paidan_chassis.database import Pool
from paidan_chassis.edge.problems import Problem
from paidan_chassis.edge.scope_keys import PRINCIPAL_KEY

LEASE_INTERVAL_S: Final = 1.0
"""A process leases at most once in this time for a key, however many requests come."""
_MAX_ALLOWANCES: Final = 4096


@dataclass(frozen=True, slots=True)
class RateLimit:
    """Requests, or lines of batches, a second, and at once."""

    per_s: float
    burst: float


NO_LIMIT: Final = RateLimit(math.inf, math.inf)


class Allowance:
    """What a process has leased of a key's limit and not spent; ``remaining`` was left to others at the lease."""

    __slots__ = ("key_id", "leased_at", "lock", "remaining", "tokens")

    def __init__(self, key_id: str, tokens: float) -> None:
        self.key_id = key_id
        self.tokens = tokens
        self.remaining = math.inf
        self.leased_at = -math.inf
        self.lock = asyncio.Lock()


class RateLimiter:
    """Leases blocks for this process: a second's worth, or half of what is left; a block is the most it can exceed."""

    def __init__(self, pool: Pool, limit: RateLimit, *, timeout_s: float = 5.0) -> None:
        self.limit = limit
        self._pool = pool
        self._timeout_s = timeout_s
        self._allowances: dict[str, Allowance] = {}

    def allowance(self, key_id: str) -> Allowance:
        """Return this process's allowance of a key."""
        found = self._allowances.get(key_id)
        if found is None:
            if len(self._allowances) >= _MAX_ALLOWANCES:
                self._allowances.clear()
            found = self._allowances[key_id] = Allowance(key_id, math.inf if self.limit is NO_LIMIT else 0.0)
        return found

    async def spend(self, allowance: Allowance, cost: float) -> None:
        """Spend from an allowance, leasing more where it does not suffice; raise 429 when the limit is exceeded.

        A cost above the burst needs a full burst only; otherwise such a request could never be admitted.
        """
        needed = min(cost, self.limit.burst)
        async with allowance.lock:
            if allowance.tokens < needed:
                await self._lease_in_turn(allowance, needed)
            allowance.tokens -= needed

    async def _lease_in_turn(self, allowance: Allowance, needed: float) -> None:
        since_s = time.monotonic() - allowance.leased_at
        if since_s < LEASE_INTERVAL_S:
            # Each request of a client that is over its limit would else be a statement.
            self._check(allowance, needed, refilled=LEASE_INTERVAL_S * self.limit.per_s)
            await asyncio.sleep(LEASE_INTERVAL_S - since_s)
        await self._lease(allowance, needed - allowance.tokens)
        self._check(allowance, needed, refilled=-allowance.remaining)

    def _check(self, allowance: Allowance, needed: float, *, refilled: float) -> None:
        missing = needed - allowance.tokens - allowance.remaining - refilled
        if missing > 1e-9:
            wait_s = (needed - allowance.tokens - allowance.remaining) / self.limit.per_s
            raise too_many_requests(self.limit, wait_s)

    async def _lease(self, allowance: Allowance, needed: float) -> None:
        allowance.leased_at = time.monotonic()
        async with self._pool.acquire(timeout=self._timeout_s) as conn:
            row = await conn.fetchrow(
                _LEASE, allowance.key_id, self.limit.burst, needed, self.limit.per_s, timeout=self._timeout_s
            )
        assert row is not None  # noqa: S101 - an upsert returns its row
        allowance.tokens += row["leased"]
        allowance.remaining = row["tokens"]


async def charge(request: Request, cost: float) -> None:
    """Count more than the one request against the caller's limit: a batch costs as many as it has lines."""
    if cost > 0:
        limiter: RateLimiter = request.app.state.keys.limiter
        await limiter.spend(limiter.allowance(request.scope[PRINCIPAL_KEY].key_id), cost)


def too_many_requests(limit: RateLimit, wait_s: float) -> Problem:
    """Return the 429 that names the limit and when to come again."""
    return Problem(
        429,
        "too_many_requests",
        f"the key's limit of {limit.per_s:g} a second, {limit.burst:g} at once, is exceeded",
        f"请求过于频繁：该密钥每秒限 {limit.per_s:g} 次，一次最多 {limit.burst:g} 次",
        retry_after_s=max(1, math.ceil(wait_s)),
    )


# What is missing for a request is not taken, so that those who wait do not starve each other.
_LEASE: Final = """
    INSERT INTO key_allowance AS a (key_id, tokens, leased, refilled_at)
    VALUES ($1, $2::float8 - LEAST($2::float8, GREATEST($3::float8, $4::float8, $2::float8 / 2)),
            LEAST($2::float8, GREATEST($3::float8, $4::float8, $2::float8 / 2)), now())
        ON CONFLICT (key_id) DO UPDATE
       SET (tokens, leased, refilled_at) = (
           SELECT available - share, share, GREATEST(a.refilled_at, now())
             FROM (SELECT GREATEST(0, extract(epoch FROM now() - a.refilled_at)) AS passed_s) AS clock,
                  LATERAL (SELECT LEAST($2::float8, a.tokens + $4::float8 * passed_s) AS available) AS refilled,
                  LATERAL (SELECT CASE WHEN available >= $3::float8
                                       THEN LEAST(available, GREATEST($3::float8, $4::float8, available / 2))
                                       ELSE 0 END AS share) AS leasing)
    RETURNING leased, tokens
"""
