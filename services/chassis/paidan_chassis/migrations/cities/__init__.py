"""Migrations of the schema cities: the scaled clock, published packs, and the versions in force."""
