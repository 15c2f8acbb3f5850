"""Owns the case: matches, files, routes, times, orders, inspects, closes."""
