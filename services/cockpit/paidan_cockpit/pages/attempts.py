"""A limit on tries to sign in, by network address. Pure but for its memory of this process."""

import time
from collections.abc import Callable
from typing import Final

_MAX_ADDRESSES: Final = 10_000


class AttemptLimit:
    """So many tries at once, and then one in so many seconds; the secrets are too long to be guessed at any rate."""

    def __init__(self, burst: int, refill_s: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._burst = burst
        self._refill_s = refill_s
        self._clock = clock
        self._until: dict[str, float] = {}
        """When an address has all its tries again."""

    def spend(self, address: str) -> bool:
        """Count a try; return whether it is still within the limit."""
        if not self.allows(address):
            return False
        now = self._clock()
        if len(self._until) >= _MAX_ADDRESSES:
            self._until = {each: at for each, at in self._until.items() if at > now}
            if len(self._until) >= _MAX_ADDRESSES:
                self._until.clear()
        self._until[address] = max(self._until.get(address, now), now) + self._refill_s
        return True

    def allows(self, address: str) -> bool:
        """Return whether one more try is within the limit."""
        now = self._clock()
        return max(self._until.get(address, now), now) + self._refill_s - now <= self._burst * self._refill_s
