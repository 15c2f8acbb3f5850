"""Bugs that must be caught: each is planted in a copy of the source, and the tests named for it must fail."""
