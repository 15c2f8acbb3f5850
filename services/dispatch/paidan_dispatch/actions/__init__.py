"""Actions that clients request: sent to the inbox as records, or evaluated by a dry run."""
