"""What the databases of services know of their consumers: halts, set-aside senders, dead letters that wait."""

from dataclasses import dataclass, field
from typing import Final

import asyncpg

from paidan_chassis.consumer.dead_letter_counts import count_waiting
from paidan_chassis.consumer.halts import RecordedHalt, ResumeFrom, open_halts, resume
from paidan_chassis.consumer.senders import SetAsideSender, set_aside_senders
from paidan_deploy.errors import DeployError
from paidan_deploy.provisioning.connection import open_connection
from paidan_deploy.services import SERVICES

_TIMEOUT_S: Final = 5.0
_SHOWN_SENDERS: Final = 20


@dataclass(frozen=True, slots=True)
class ConsumerStates:
    """By service: open halts, senders that are set aside now, and the number of dead letters that wait."""

    halts: dict[str, list[RecordedHalt]] = field(default_factory=dict)
    set_aside: dict[str, list[SetAsideSender]] = field(default_factory=dict)
    dead_letters: dict[str, int] = field(default_factory=dict)


async def load_consumer_states(dsn: str) -> ConsumerStates:
    """Return the states of all services' consumers; nothing when the database cannot be asked."""
    states = ConsumerStates()
    try:
        async with open_connection(dsn, timeout_s=_TIMEOUT_S) as connection:
            for service in SERVICES:
                await connection.execute(f"SET search_path = {service.name}")
                states.halts[service.name] = list(await open_halts(connection))
                states.set_aside[service.name] = await set_aside_senders(connection, limit=_SHOWN_SENDERS)
                states.dead_letters[service.name] = await count_waiting(connection)
    except (OSError, TimeoutError, asyncpg.PostgresError, DeployError):
        return ConsumerStates()
    return states


async def clear_halts(dsn: str, service: str | None, resume_from: ResumeFrom) -> int:
    """Clear the halts of one service or of all, and return their number. Their loops go on within a second."""
    async with open_connection(dsn, timeout_s=_TIMEOUT_S) as connection:
        cleared = 0
        for each in SERVICES:
            if service in {None, each.name}:
                await connection.execute(f"SET search_path = {each.name}")
                cleared += await resume(connection, resume_from=resume_from)
        return cleared
