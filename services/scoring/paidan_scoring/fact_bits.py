"""The facts of a row as one number, a bit for each, so that a tally can count rows that are alike in all of them."""

from collections.abc import Iterable
from typing import Final

from paidan_contracts.city.conditions import Fact

# A stored number means what this order says: append at the end, never move or reuse a place, then rebuild.
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
)
FACT_BIT: Final[dict[Fact, int]] = {fact: 1 << place for place, fact in enumerate(FACT_ORDER)}


def pack_facts(facts: Iterable[Fact]) -> int:
    """Write facts as a number."""
    bits = 0
    for fact in facts:
        bits |= FACT_BIT[fact]
    return bits


def unpack_facts(bits: int) -> frozenset[str]:
    """Read the facts back; bits that nobody here knows are left out."""
    return frozenset(fact for fact, bit in FACT_BIT.items() if bits & bit)
