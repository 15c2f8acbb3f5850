"""What can go wrong with the local stack, each said so that a person knows what to do next."""


class DeployError(Exception):
    """Something in the local stack needs a person; the message says what."""


class DownloadError(DeployError):
    """A package could not be fetched, or is not the one that the lock names."""


class ServerStartError(DeployError):
    """A server did not start, or stopped while it was waited for."""
