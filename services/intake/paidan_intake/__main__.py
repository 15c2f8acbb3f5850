"""Runs intake: ``python -m paidan_intake``."""

from paidan_chassis import runtime
from paidan_intake import app, settings

if __name__ == "__main__":
    runtime.main("intake", settings.Settings, app.build)
