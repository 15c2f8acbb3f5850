"""The named invariants of a case, a module for each subject; importing them adds them to ``registry.INVARIANTS``."""

from tests.dispatch.invariants import (
    assignments,
    clocks,
    escalation,
    limit_requests,
    records,
    reporters,
    status,
    time_limits,
    units,
)

__all__ = [
    "assignments",
    "clocks",
    "escalation",
    "limit_requests",
    "records",
    "reporters",
    "status",
    "time_limits",
    "units",
]
