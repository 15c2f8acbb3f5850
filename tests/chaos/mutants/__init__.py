"""Mutations of the source that named tests must detect."""
