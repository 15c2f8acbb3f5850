"""Scoring's HTTP routes, their queries and their response models."""
