"""Decides on cases: matches reports, files, routes, dispatches, supervises deadlines, inspects and closes."""
