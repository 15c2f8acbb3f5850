"""The paidan command: local stack, topics, city packs, import, redrive."""
