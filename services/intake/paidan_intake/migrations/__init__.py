"""Intake's own tables."""
