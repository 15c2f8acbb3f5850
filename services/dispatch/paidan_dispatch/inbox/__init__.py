"""One batch of the inbox: read, loaded, decided in the log's order, written and said."""
