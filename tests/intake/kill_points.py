"""Runs intake, and exits without cleaning up at a named point of accepting a report."""

import os
import signal
import sys
from collections.abc import Sequence
from typing import Any

from paidan_chassis import runtime
from paidan_chassis.kafka.message import Message
from paidan_chassis.kafka.producer import Publisher
from paidan_intake import app, settings, vault
from paidan_intake.photos import PhotoStore, SanitizedPhoto

KILL_POINTS = ("before_vault", "after_vault", "after_photo", "after_kafka")


def kill_self() -> None:
    """Exit at once, flushing nothing."""
    os.kill(os.getpid(), signal.SIGKILL)


def install(point: str) -> None:
    """Patch the function of this point to exit."""
    save_reports, save, send = vault.save_new_reports, PhotoStore.save, Publisher.send

    async def save_reports_and_kill(conn: Any, entries: Any) -> bool:  # noqa: ANN401
        if point == "before_vault":
            kill_self()
        new = await save_reports(conn, entries)
        if point == "after_vault":
            kill_self()
        return new

    async def save_and_kill(store: PhotoStore, photo: SanitizedPhoto) -> None:
        await save(store, photo)
        if point == "after_photo":
            kill_self()

    async def send_and_kill(publisher: Publisher, messages: Sequence[Message], *, timeout_s: float = 10.0) -> None:
        await send(publisher, messages, timeout_s=timeout_s)
        if point == "after_kafka":
            kill_self()

    vault.save_new_reports, PhotoStore.save, Publisher.send = save_reports_and_kill, save_and_kill, send_and_kill  # type: ignore[assignment,method-assign]


if __name__ == "__main__":
    install(sys.argv.pop(1))
    runtime.main("intake", settings.Settings, app.build)
