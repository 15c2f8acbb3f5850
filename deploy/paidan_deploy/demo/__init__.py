"""One day of a demo city, lived by clients of the public interfaces only."""
