"""Checks city packs and puts them in force."""
