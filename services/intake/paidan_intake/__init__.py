"""Takes in what residents and cameras report, and puts it on the inbox in one shape."""
