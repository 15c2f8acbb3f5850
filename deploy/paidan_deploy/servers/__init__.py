"""Kafka and PostgreSQL as local processes, from hash-pinned packages."""
