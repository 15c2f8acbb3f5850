"""Schema migrations: the runner, and the migrations of the chassis's own tables."""

from typing import Final

from paidan_chassis.migrations.runner import Migration, MigrationConflict, Phase, list_pending, migrate

CHASSIS_MIGRATIONS: Final = "paidan_chassis.migrations"
CITIES_MIGRATIONS: Final = "paidan_chassis.migrations.cities"

__all__ = [
    "CHASSIS_MIGRATIONS",
    "CITIES_MIGRATIONS",
    "Migration",
    "MigrationConflict",
    "Phase",
    "list_pending",
    "migrate",
]
