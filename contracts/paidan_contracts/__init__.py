"""What may be said between Paidan's services: events, topics, ids and city packs."""
