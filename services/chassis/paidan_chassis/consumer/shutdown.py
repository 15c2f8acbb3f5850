"""The consumer's stop signal."""

import asyncio


class Shutdown:
    """Whether the consumer stops, and the failure that stops it, if any."""

    def __init__(self) -> None:
        self.requested = asyncio.Event()
        self.failure: BaseException | None = None

    def request(self) -> None:
        """Stop gracefully."""
        self.requested.set()

    def fail(self, error: BaseException) -> None:
        """Stop because of an error. The first one is the cause; others follow from it."""
        self.failure = self.failure or error
        self.requested.set()
