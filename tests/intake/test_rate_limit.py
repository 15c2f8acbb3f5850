"""The token bucket of a key: its burst and its rate."""

from hypothesis import given
from hypothesis import strategies as st

from paidan_intake.api.submission import TokenBuckets

COSTS = st.lists(st.tuples(st.sampled_from([0.0, 0.05, 0.5, 1.0]), st.integers(1, 6)), max_size=30)


@given(sent=COSTS)
def test_no_key_exceeds_burst_and_rate(sent: list[tuple[float, int]]) -> None:
    buckets, now, accepted = TokenBuckets(rate_per_s=2, burst=5), 0.0, 0.0

    for pause, cost in sent:
        now += pause
        if not buckets.consume("key", cost, now):
            accepted += min(cost, 5)

    assert accepted <= 5 + 2 * now + 1e-6


@given(sent=COSTS, cost=st.integers(1, 20))
def test_waiting_retry_after_is_enough(sent: list[tuple[float, int]], cost: int) -> None:
    buckets, now = TokenBuckets(rate_per_s=2, burst=5), 0.0
    for pause, spent in sent:
        now += pause
        buckets.consume("key", spent, now)

    wait = buckets.consume("key", cost, now)

    assert wait == 0 or buckets.consume("key", cost, now + wait + 1e-6) == 0


def test_idle_time_refills_at_most_one_burst() -> None:
    """A key that was idle all night may not send the whole night's reports at once."""
    buckets = TokenBuckets(rate_per_s=2, burst=5)
    buckets.consume("key", 5, 0)

    assert [buckets.consume("key", 1, 10_000) for _ in range(6)] == [0, 0, 0, 0, 0, 0.5]


def test_rate_limit_is_per_key() -> None:
    buckets = TokenBuckets(rate_per_s=1, burst=1)

    assert buckets.consume("a", 1, 0) == 0
    assert buckets.consume("a", 1, 0) == 1
    assert buckets.consume("b", 1, 0) == 0
