"""Lanes: a batch of records in one fenced transaction, and what it says relayed in order."""
