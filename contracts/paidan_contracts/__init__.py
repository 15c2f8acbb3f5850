"""The published language of Paidan's services: events, topics, ids, API key scopes and city packs."""
