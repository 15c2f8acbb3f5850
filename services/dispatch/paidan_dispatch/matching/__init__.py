"""Finds the case that a report is about. No I/O."""
