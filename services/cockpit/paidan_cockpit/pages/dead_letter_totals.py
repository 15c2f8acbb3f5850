"""Counts of the dead letters that wait at each service; operators of the installation see them beside the queues."""

import asyncio
from collections.abc import Iterable
from typing import Final

from paidan_cockpit.pages.request_context import RequestContext
from paidan_cockpit.pages.site import Site
from paidan_cockpit.pages.system_health import ServiceHealth, probe_services
from paidan_cockpit.pages.ttl_cache import TtlCache
from paidan_cockpit.services_client import SERVICE_NAMES, ServiceName

_AGE_S: Final = 10.0
_WAIT_S: Final = 0.2


class DeadLetterTotals:
    """Asks the services seldom, and keeps no page waiting: who comes a moment later sees the numbers."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self._recent = TtlCache[list[ServiceHealth]](ttl_s=_AGE_S)

    async def load(self, context: RequestContext) -> dict[ServiceName, int | None]:
        """Return the number of each service, None where it is not known; nothing for who operates no installation."""
        if not context.person.operates_installation:
            return {}
        try:
            async with asyncio.timeout(_WAIT_S):
                health = await self._recent.get("all", lambda: probe_services(self._site.services))
        except TimeoutError:
            health = []
        return count_letters(health)


def count_letters(services: Iterable[ServiceHealth]) -> dict[ServiceName, int | None]:
    """Return how many dead letters wait at each service; None where nobody answered."""
    known = {each.name: sum(loop.dead_letters for loop in each.loops) for each in services if each.loops}
    return {name: known.get(name) for name in SERVICE_NAMES}
