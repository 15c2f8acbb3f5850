"""Taking somebody else's records in as reports and actions, through the same doors as everybody."""
