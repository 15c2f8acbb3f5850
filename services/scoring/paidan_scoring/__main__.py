"""Runs scoring: both parts, or ``--only loop`` or ``--only edge``; ``--rebuild`` rebuilds its tables from the log."""

from paidan_chassis import runtime
from paidan_scoring import app
from paidan_scoring.rebuild import rebuild
from paidan_scoring.settings import Settings

if __name__ == "__main__":
    runtime.main("scoring", Settings, app.build, rebuild=rebuild)
