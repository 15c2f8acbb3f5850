"""The local stack: its servers and services under one supervisor."""
