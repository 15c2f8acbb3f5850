"""Scoring's own tables."""
