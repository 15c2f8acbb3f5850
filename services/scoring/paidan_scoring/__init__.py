"""Counts case events as facts and tallies, and serves scores that list their cases."""
