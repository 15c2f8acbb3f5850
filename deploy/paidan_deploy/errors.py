"""Errors of the `paidan` command that need a person's action."""


class DeployError(Exception):
    """An error that needs a person's action, which the message names. Commands print it as one line."""


class DownloadError(DeployError):
    """A jar could not be downloaded, or is not the one in the lock."""


class ServerStartError(DeployError):
    """A server did not start, or ended while starting."""
