"""Runs intake, and ends it as a power cut would in one named window of taking a report."""

import os
import signal
import sys
from collections.abc import Sequence
from typing import Any

from paidan_chassis import runtime
from paidan_chassis.consumer.records import Message
from paidan_chassis.kafka.producer import Publisher
from paidan_intake import app, queries, settings
from paidan_intake.photos import Picture, Store

WINDOWS = ("before_vault", "after_vault", "after_photo", "after_kafka")


def die() -> None:
    """Leave at once, with nothing flushed and nobody told."""
    os.kill(os.getpid(), signal.SIGKILL)


def arm(window: str) -> None:
    """Set the trap."""
    keep, save, send = queries.keep, Store.save, Publisher.send

    async def kept(conn: Any, entries: Any) -> set[str]:  # noqa: ANN401
        if window == "before_vault":
            die()
        new = await keep(conn, entries)
        if window == "after_vault":
            die()
        return new

    async def saved(store: Store, picture: Picture) -> None:
        await save(store, picture)
        if window == "after_photo":
            die()

    async def sent(publisher: Publisher, messages: Sequence[Message], *, within_s: float = 10.0) -> None:
        await send(publisher, messages, within_s=within_s)
        if window == "after_kafka":
            die()

    queries.keep, Store.save, Publisher.send = kept, saved, sent  # type: ignore[assignment,method-assign]


if __name__ == "__main__":
    arm(sys.argv.pop(1))
    runtime.main("intake", settings.Settings, app.build)
