"""Runs the `paidan` command."""

import sys
from importlib import import_module
from typing import Final

from paidan_deploy.cli import app

# One line for each group: its module, which has `register(app)`, and the commands that it brings.
GROUPS: Final = {
    "stack_commands": ("up", "down", "status", "resume"),
    "container_commands": ("prepare", "serve"),
    "city_commands": ("city",),
    "key_commands": ("keys",),
    "import_commands": ("import",),
    "score_commands": ("scores",),
    "verify_commands": ("verify",),
    "dead_letter_commands": ("dead-letters",),
    "demo_commands": ("demo",),
}


def main() -> None:
    """Run the command that the arguments name. Only its own group is loaded: some take a second to import."""
    asked = sys.argv[1] if len(sys.argv) > 1 else ""
    owners = [module for module, commands in GROUPS.items() if asked in commands]
    for module in owners or GROUPS:
        import_module(f"paidan_deploy.{module}").register(app)
    app()


if __name__ == "__main__":
    main()
