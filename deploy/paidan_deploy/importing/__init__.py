"""Import of past records as reports and actions, over the same endpoints that every client uses."""
