"""The named invariants of a case, a module for each subject; importing them adds them to ``registry.INVARIANTS``."""

from tests.dispatch.invariants import (
    assignments,
    clocks,
    construction,
    emergencies,
    escalation,
    limit_requests,
    records,
    reporters,
    settlement,
    status,
    time_limits,
    units,
    verification,
)

__all__ = [
    "assignments",
    "clocks",
    "construction",
    "emergencies",
    "escalation",
    "limit_requests",
    "records",
    "reporters",
    "settlement",
    "status",
    "time_limits",
    "units",
    "verification",
]
