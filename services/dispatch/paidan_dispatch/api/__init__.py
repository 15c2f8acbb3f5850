"""Dispatch's HTTP edge: the desk's second door, and what may be read."""
