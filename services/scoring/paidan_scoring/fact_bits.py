"""The facts of a row as one number, a bit for each, so that a tally can count the rows with the same set."""

from collections.abc import Iterable
from typing import Final

from paidan_contracts.city.conditions import Fact

# Stored numbers depend on this order: append at the end, never move or reuse a place, then rebuild.
FACT_ORDER: Final[tuple[Fact, ...]] = (
    "current",
    "voided",
    "not_accepted",
    "filed",
    "dispatched",
    "accepted",
    "handled",
    "limited",
    "on_time",
    "late",
    "overdue",
    "accepted_late",
    "closed",
    "force_closed",
    "open",
    "reworked",
    "reopened",
    "returned",
    "resent",
    "rated",
    "satisfied",
    "basically_satisfied",
    "dissatisfied",
    "exempt",
    "recurring",
    "repeated",
    "urged",
    "imported",
    "rated_raw",
    "satisfied_raw",
    "basically_satisfied_raw",
    "dissatisfied_raw",
    "escalated",
)
FACT_BIT: Final[dict[Fact, int]] = {fact: 1 << place for place, fact in enumerate(FACT_ORDER)}


def pack_facts(facts: Iterable[Fact]) -> int:
    """Return facts as a number."""
    bits = 0
    for fact in facts:
        bits |= FACT_BIT[fact]
    return bits


def unpack_facts(bits: int) -> frozenset[str]:
    """Return the facts of a number; unknown bits are left out."""
    return frozenset(fact for fact, bit in FACT_BIT.items() if bits & bit)
