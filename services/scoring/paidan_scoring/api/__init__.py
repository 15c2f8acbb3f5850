"""Scoring's HTTP routes, and the models of what they answer."""
