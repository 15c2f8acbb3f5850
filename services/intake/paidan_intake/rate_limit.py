"""How much one key may send: a bucket of tokens each. Pure: time is an argument, in seconds of any clock."""

from dataclasses import dataclass, field


@dataclass(slots=True)
class _Bucket:
    tokens: float
    refilled_at_s: float


@dataclass(slots=True)
class TokenBuckets:
    """Fills ``rate_per_s`` tokens a second into each key's bucket, ``burst`` at most."""

    rate_per_s: float
    burst: float
    _buckets: dict[str, _Bucket] = field(default_factory=dict)

    def consume(self, key: str, cost: float, now_s: float) -> float:
        """Take tokens, and say 0; or take none, and say in how many seconds there will be enough.

        What costs more than a whole bucket empties a full one, or it could never be sent.
        """
        bucket = self._buckets.get(key)
        if bucket is None:
            bucket = self._buckets[key] = _Bucket(self.burst, now_s)
        bucket.tokens = min(self.burst, bucket.tokens + (now_s - bucket.refilled_at_s) * self.rate_per_s)
        bucket.refilled_at_s = now_s
        needed = min(cost, self.burst)
        if bucket.tokens >= needed:
            bucket.tokens -= needed
            return 0.0
        return (needed - bucket.tokens) / self.rate_per_s
