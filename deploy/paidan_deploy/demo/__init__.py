"""One day of a demo city, played by clients of the public interfaces only."""
