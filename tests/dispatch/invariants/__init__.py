"""The named invariants of a case, a module for each subject; importing them adds them to ``registry.INVARIANTS``."""

from tests.dispatch.invariants import assignments, clocks, emergencies, escalation, records, reporters, status, units

__all__ = ["assignments", "clocks", "emergencies", "escalation", "records", "reporters", "status", "units"]
