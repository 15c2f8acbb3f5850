"""The rate limit of a key holds over all processes of a service, and costs one statement a second at most."""

import asyncio
import time
from collections.abc import AsyncIterator

import asyncpg
import pytest
from pydantic import SecretStr

from paidan_chassis import migrations
from paidan_chassis.database import Pool, open_pool
from paidan_chassis.edge.problems import Problem
from paidan_chassis.edge.rate_limit import Allowance, RateLimit, RateLimiter
from tests import servers as real


@pytest.fixture(scope="module")
async def pool(servers: real.ServerAddresses) -> AsyncIterator[Pool]:
    """Open a pool in a migrated schema of a database for this module."""
    async with real.fresh_database(servers) as dsn:
        connection = await asyncpg.connect(dsn)
        await migrations.migrate(connection, "library", [migrations.CHASSIS_MIGRATIONS])
        await connection.close()
        async with open_pool(SecretStr(dsn), schema="library") as opened:
            yield opened


async def spend_all(limiter: RateLimiter, allowance: Allowance, cost: float = 1, tries: int = 100) -> int:
    """Spend until the limit refuses; return how often it did not."""
    for number in range(tries):
        try:
            await limiter.spend(allowance, cost)
        except Problem as problem:
            return number if problem.code == "too_many_requests" else -1
    return tries


async def test_two_processes_share_one_limit(pool: Pool) -> None:
    """A limit in each process's memory would grow with the number of processes."""
    limit = RateLimit(per_s=0.01, burst=40)
    first, second = RateLimiter(pool, limit), RateLimiter(pool, limit)

    spent = await asyncio.gather(
        *(spend_all(each, each.allowance("shared")) for each in (first, second, RateLimiter(pool, limit)))
    )

    assert 39 <= sum(spent) <= 40


async def test_a_client_over_its_limit_costs_one_statement_a_second(pool: Pool) -> None:
    limiter = RateLimiter(pool, RateLimit(per_s=0.001, burst=2))
    allowance = limiter.allowance("over")
    await spend_all(limiter, allowance)
    leased_at = allowance.leased_at

    for _ in range(50):
        with pytest.raises(Problem):
            await limiter.spend(allowance, 1)

    assert allowance.leased_at - leased_at <= time.monotonic() - leased_at
    assert allowance.leased_at == leased_at or allowance.leased_at - leased_at >= 1


async def test_refilled_tokens_are_waited_for_rather_than_refused(pool: Pool) -> None:
    """A burst of two files at once is within the limit, though the first lease did not cover both."""
    limiter = RateLimiter(pool, RateLimit(per_s=1, burst=100))
    allowance = limiter.allowance("two files")

    await limiter.spend(allowance, 60)
    await limiter.spend(allowance, 40)

    assert allowance.tokens < 3


async def test_retry_after_is_enough(pool: Pool) -> None:
    limiter = RateLimiter(pool, RateLimit(per_s=2, burst=4))
    allowance = limiter.allowance("retry")
    await limiter.spend(allowance, 4)
    with pytest.raises(Problem) as refused:
        await limiter.spend(allowance, 4)
    wait_s = refused.value.retry_after_s or 0

    await pool.execute(
        "UPDATE key_allowance SET refilled_at = refilled_at - make_interval(secs => $1) WHERE key_id = 'retry'", wait_s
    )
    allowance.leased_at -= wait_s

    await limiter.spend(allowance, 4)


async def test_idle_time_refills_at_most_one_burst(pool: Pool) -> None:
    """A key that was idle all night may not send the whole night's reports at once."""
    limit = RateLimit(per_s=0.01, burst=5)
    await RateLimiter(pool, limit).spend(Allowance("idle", 0.0), 5)
    await pool.execute("UPDATE key_allowance SET refilled_at = now() - interval '1 day' WHERE key_id = 'idle'")
    limiter = RateLimiter(pool, limit)

    assert await spend_all(limiter, limiter.allowance("idle")) == 5


async def test_cost_above_the_burst_needs_a_full_burst(pool: Pool) -> None:
    limiter = RateLimiter(pool, RateLimit(per_s=0.01, burst=5))
    allowance = limiter.allowance("file")

    await limiter.spend(allowance, 1_000)

    with pytest.raises(Problem):
        await limiter.spend(allowance, 1)


async def test_limit_is_per_key(pool: Pool) -> None:
    limiter = RateLimiter(pool, RateLimit(per_s=0.01, burst=1))

    assert await spend_all(limiter, limiter.allowance("a")) == 1
    assert await spend_all(limiter, limiter.allowance("b")) == 1
