"""The proof that nothing is lost and nothing counts twice: the log itself, set against every table."""
