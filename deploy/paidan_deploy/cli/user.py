"""The person at the terminal, under whose name the commands record what they do."""

import getpass


def user_name() -> str:
    """Return the name of the system's user; ``unknown`` where its id has none, as in some containers."""
    try:
        return getpass.getuser()
    except (OSError, KeyError):
        return "unknown"
