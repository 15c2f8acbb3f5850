"""Errors of the `paidan` command that need a person's action."""


class DeployError(Exception):
    """An error that needs a person's action, which the message names. Commands print it as one line."""


class DownloadError(DeployError):
    """A jar could not be downloaded, or is not the one in the lock."""


class ServerStartError(DeployError):
    """A server did not start, or ended while starting."""


class NotUpError(DeployError):
    """The stack, or a service of it, is not running."""

    def __init__(
        self,
        message: str = "the stack is not running; `paidan up --detach` starts it"
        " / 本地栈未在运行，用 `paidan up --detach` 启动",
    ) -> None:
        super().__init__(message)
