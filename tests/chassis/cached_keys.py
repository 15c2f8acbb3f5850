"""API keys that an edge in this process knows without a database."""

from typing import Final

from paidan_chassis.edge.api_keys import CachedKey, KeyRing, Principal, hash_token
from paidan_chassis.edge.rate_limit import RateLimit

TOKENS: Final = {name: "pdk_" + name[0] * 43 for name in ("desk", "other", "spent")}


def cached_keys() -> KeyRing:
    """Return the keys of an operator, of a reader, and of one whose rate limit is used up."""
    keys = KeyRing(None, limit=RateLimit(1.0, 1.0))  # type: ignore[arg-type] # all that is asked is cached
    for name, token in TOKENS.items():
        allowance = keys.limiter.allowance(name)
        allowance.tokens, allowance.remaining, allowance.leased_at = 0.0 if name == "spent" else 1e6, -100.0, 1e12
        scopes = frozenset({"role:reader"} if name == "other" else {"role:operator"})
        keys.cache[hash_token(token)] = CachedKey(1e12, Principal(name, name, "quancheng", scopes), allowance)
    return keys
