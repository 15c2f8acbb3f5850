"""Errors of the `paidan` command that a person has to act on."""


class DeployError(Exception):
    """Something needs a person; the message says what. Commands print it as one line."""


class DownloadError(DeployError):
    """A jar could not be downloaded, or is not the one in the lock."""


class ServerStartError(DeployError):
    """A server did not start, or ended while starting."""
