"""The named invariants of a case, a module for each subject; importing them adds them to ``registry.INVARIANTS``."""

from tests.dispatch.invariants import (
    assignments,
    clocks,
    construction,
    escalation,
    records,
    reporters,
    settlement,
    status,
    units,
    verification,
)

__all__ = [
    "assignments",
    "clocks",
    "construction",
    "escalation",
    "records",
    "reporters",
    "settlement",
    "status",
    "units",
    "verification",
]
