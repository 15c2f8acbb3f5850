"""The chassis' own tables, and the runner that brings any schema up to date."""

from typing import Final

from paidan_chassis.migrations.runner import Migration, MigrationRefused, Phase, migrate, pending

OWN: Final = "paidan_chassis.migrations"
CITIES: Final = "paidan_chassis.migrations.cities"

__all__ = ["CITIES", "OWN", "Migration", "MigrationRefused", "Phase", "migrate", "pending"]
