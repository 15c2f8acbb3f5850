"""Runs scoring: both parts, or ``--only loop`` or ``--only edge``; ``--rebuild`` rebuilds its tables from the log."""

import sys

from paidan_chassis import runtime
from paidan_scoring import app, rebuild
from paidan_scoring.settings import Settings

if __name__ == "__main__":
    if sys.argv[1:] == ["--rebuild"]:
        rebuild.main()
    else:
        runtime.main("scoring", Settings, app.build)
