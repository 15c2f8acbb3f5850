"""Actions that clients ask for: made into requests for the inbox, or evaluated by a dry run."""
