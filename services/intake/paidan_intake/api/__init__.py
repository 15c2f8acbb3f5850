"""Intake's HTTP routes, with their request and response models and their SQL."""
