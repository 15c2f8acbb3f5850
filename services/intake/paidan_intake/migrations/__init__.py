"""Migrations of intake's own tables."""
