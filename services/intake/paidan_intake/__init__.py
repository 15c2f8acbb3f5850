"""Intake: validates and normalizes reports from every source, and publishes them on ``paidan.inbox``."""
