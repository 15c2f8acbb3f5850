"""The tables of schema dispatch."""
