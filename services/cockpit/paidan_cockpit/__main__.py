"""Runs the cockpit: both parts, or ``--only loop`` or ``--only edge``; ``--rebuild`` rebuilds its read model."""

import sys

from paidan_chassis import runtime
from paidan_cockpit import app, rebuild
from paidan_cockpit.settings import Settings

if __name__ == "__main__":
    if sys.argv[1:] == ["--rebuild"]:
        rebuild.main()
    else:
        runtime.main("cockpit", Settings, app.build)
