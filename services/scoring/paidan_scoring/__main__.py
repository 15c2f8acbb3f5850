"""Runs scoring: both parts, or ``--only loop`` or ``--only edge``; ``--rebuild`` makes its tables anew from the log."""

import sys

from paidan_chassis import process
from paidan_scoring import app, rebuilding
from paidan_scoring.settings import Settings

if __name__ == "__main__":
    if sys.argv[1:] == ["--rebuild"]:
        rebuilding.main()
    else:
        process.main("scoring", Settings, app.build)
