"""Decides what becomes of a case: guards, transitions, deadlines, orders. No I/O."""
