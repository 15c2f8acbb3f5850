"""Owns the case: matches reports, files, routes, dispatches, supervises deadlines, inspects and closes."""
