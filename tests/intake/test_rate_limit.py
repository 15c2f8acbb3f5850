"""A key's bucket: how much may be sent at once, and in the long run."""

from hypothesis import given
from hypothesis import strategies as st

from paidan_intake.rate_limit import Buckets

SENT = st.lists(st.tuples(st.sampled_from([0.0, 0.05, 0.5, 1.0]), st.integers(1, 6)), max_size=30)


@given(sent=SENT)
def test_nobody_gets_more_than_burst_and_rate(sent: list[tuple[float, int]]) -> None:
    buckets, now, taken = Buckets(rate_per_s=2, burst=5), 0.0, 0.0

    for pause, cost in sent:
        now += pause
        if not buckets.spend("key", cost, now):
            taken += min(cost, 5)

    assert taken <= 5 + 2 * now + 1e-6


@given(sent=SENT, cost=st.integers(1, 20))
def test_who_waits_as_told_is_let_through(sent: list[tuple[float, int]], cost: int) -> None:
    buckets, now = Buckets(rate_per_s=2, burst=5), 0.0
    for pause, spent in sent:
        now += pause
        buckets.spend("key", spent, now)

    wait = buckets.spend("key", cost, now)

    assert wait == 0 or buckets.spend("key", cost, now + wait + 1e-6) == 0


def test_patience_fills_one_bucket_and_no_more() -> None:
    """A key that was silent all night may not send the whole night's reports at once."""
    buckets = Buckets(rate_per_s=2, burst=5)
    buckets.spend("key", 5, 0)

    assert [buckets.spend("key", 1, 10_000) for _ in range(6)] == [0, 0, 0, 0, 0, 0.5]


def test_one_keys_flood_is_not_anothers() -> None:
    buckets = Buckets(rate_per_s=1, burst=1)

    assert buckets.spend("a", 1, 0) == 0
    assert buckets.spend("a", 1, 0) == 1
    assert buckets.spend("b", 1, 0) == 0
