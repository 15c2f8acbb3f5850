"""The cockpit's own tables."""
