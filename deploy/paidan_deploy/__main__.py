"""Runs the `paidan` command."""

from paidan_deploy import city_commands, stack_commands
from paidan_deploy.cli import app

# One line for each group of commands.
stack_commands.register(app)
city_commands.register(app)


def main() -> None:
    """Run the command that the arguments name."""
    app()


if __name__ == "__main__":
    main()
