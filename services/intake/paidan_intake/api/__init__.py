"""Intake's HTTP routes, and the models of what they take and answer."""
