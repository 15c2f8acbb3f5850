"""The HTTP edge: keys, problems, the envelope around every request."""
