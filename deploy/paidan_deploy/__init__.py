"""The `paidan` command: local stack, provisioning, city packs, API keys, import, verification, demo."""
