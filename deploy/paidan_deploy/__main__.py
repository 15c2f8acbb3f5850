"""Entry point of the `paidan` command."""

import os
import sys
from importlib import import_module
from typing import Final

from paidan_deploy.cli.app import app
from paidan_deploy.servers.process import FILE_UMASK

# Each module has `register(app)`, which adds these commands.
COMMAND_MODULES: Final = {
    "stack": ("up", "down", "status", "resume"),
    "containers": ("prepare", "serve", "secrets"),
    "city": ("city",),
    "keys": ("keys",),
    "people": ("people",),
    "cockpit": ("cockpit",),
    "topics": ("topics",),
    "import_records": ("import",),
    "scores": ("scores",),
    "verify": ("verify",),
    "dead_letters": ("dead-letters",),
    "vault": ("vault",),
    "demo": ("demo",),
}


def main() -> None:
    """Run the command that the arguments name. Only its own module is imported: some take a second."""
    os.umask(FILE_UMASK)
    requested = sys.argv[1] if len(sys.argv) > 1 else ""
    modules = [module for module, commands in COMMAND_MODULES.items() if requested in commands]
    for module in modules or COMMAND_MODULES:
        import_module(f"paidan_deploy.cli.{module}").register(app)
    try:
        app()
    except Exception as error:  # noqa: BLE001 - the outermost handler: no command ends with a traceback
        sys.exit(import_module("paidan_deploy.cli.failures").report(error))


if __name__ == "__main__":
    main()
