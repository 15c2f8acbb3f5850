"""The paidan command, a module for each group of commands."""
