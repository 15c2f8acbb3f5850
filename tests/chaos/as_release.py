"""Runs a real dispatch with the number of another release; it decides as this one does.

python -m tests.chaos.as_release 3
"""

import sys

from paidan_chassis import runtime
from paidan_dispatch import app
from paidan_dispatch.settings import Settings

if __name__ == "__main__":
    app.RELEASE = int(sys.argv.pop(1))  # type: ignore[attr-defined]
    runtime.main("dispatch", Settings, app.build)
