"""Databases, roles, topics and API keys, made ready for services."""
