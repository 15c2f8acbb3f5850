"""Runs intake: ``python -m paidan_intake``."""

from paidan_chassis import process
from paidan_intake import app, settings

if __name__ == "__main__":
    process.main("intake", settings.Settings, app.build)
