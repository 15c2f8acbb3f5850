"""Folds case events into facts and tallies, and answers with numbers that list their cases."""
