"""Runs dispatch: ``python -m paidan_dispatch``, all of it, or ``--only loop`` or ``--only edge``."""

from paidan_chassis import runtime
from paidan_dispatch import app
from paidan_dispatch.settings import Settings

if __name__ == "__main__":
    runtime.main("dispatch", Settings, app.build)
