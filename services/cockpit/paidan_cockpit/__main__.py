"""Runs the cockpit: both parts, or ``--only loop`` or ``--only edge``; ``--rebuild`` rebuilds its read model."""

from paidan_chassis import runtime
from paidan_cockpit import app
from paidan_cockpit.rebuild import rebuild
from paidan_cockpit.settings import Settings

if __name__ == "__main__":
    runtime.main("cockpit", Settings, app.build, rebuild=rebuild)
