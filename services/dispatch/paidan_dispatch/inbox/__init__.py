"""Applies batches of the inbox: load, decide, save. The decisions themselves are in ``cases``."""
