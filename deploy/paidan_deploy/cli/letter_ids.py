"""Finds dead letters by the first characters of their ids, in the schemas of all services."""

import re
from collections.abc import Sequence
from typing import Final
from uuid import UUID

from paidan_chassis.consumer import dead_letters
from paidan_chassis.consumer.dead_letters import load_ids_to_redrive
from paidan_chassis.database import Connection
from paidan_deploy.errors import DeployError
from paidan_deploy.services import SERVICES, Service

_ID_PREFIX: Final = re.compile(r"[0-9a-f][0-9a-f-]{3,35}")


async def find_ids(connection: Connection, shortened: Sequence[str]) -> dict[Service, list[UUID]]:
    """Return whole ids by service, in the order in which to redrive them. Raises DeployError."""
    found: dict[Service, list[UUID]] = {}
    for each in shortened:
        service, letter_id = await _find_id(connection, each)
        if letter_id not in found.setdefault(service, []):
            found[service].append(letter_id)
    for service, ids in found.items():
        await connection.execute(f"SET search_path = {service.name}")
        found[service] = list(await load_ids_to_redrive(connection, ids))
    return found


async def _find_id(connection: Connection, shortened: str) -> tuple[Service, UUID]:
    prefix = shortened.strip().rstrip(".…").lower()
    if not _ID_PREFIX.fullmatch(prefix):
        raise DeployError(
            f"{shortened!r} is no dead letter's id: `paidan dead-letters list` shows them"
            f" / {shortened!r} 不是死信编号，见 `paidan dead-letters list`"
        )
    found: list[tuple[Service, UUID]] = []
    for service in SERVICES:
        await connection.execute(f"SET search_path = {service.name}")
        found += [(service, each) for each in await dead_letters.load_ids_by_prefix(connection, prefix)]
    if len(found) > 1:
        raise DeployError(
            f"{shortened} begins several ids, among them {', '.join(str(each) for _, each in found[:3])}"
            f" / 多个编号以 {shortened} 开头，如 {'、'.join(str(each) for _, each in found[:3])}"
        )
    if not found:
        raise DeployError(f"there is no dead letter {shortened} / 没有死信 {shortened}")
    return found[0]
