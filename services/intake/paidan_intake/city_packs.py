"""A cache of the current pack of every city: the one in force or, without one, the one published last."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from types import MappingProxyType

from pydantic import ValidationError

from paidan_chassis import city_packs
from paidan_chassis.database import DB_ERRORS, Pool, retry
from paidan_chassis.observability import logs
from paidan_contracts.city import City

_log = logs.get_logger(loop="packs")


class PackCache:
    """Every city's current pack, at most one poll behind."""

    def __init__(self, pool: Pool, *, refresh_s: float) -> None:
        self._pool = pool
        self._refresh_s = refresh_s
        self.current: Mapping[str, City] = MappingProxyType({})
        """Cities by id."""

    def cities_with_source(self, source: str) -> list[City]:
        """Return the cities that have a source of this name."""
        return [city for city in self.current.values() if source in city.sources]

    async def refresh(self) -> None:
        """Load packs that changed. A pack that this release cannot decode leaves its city unchanged."""
        versions = await city_packs.load_current_versions(self._pool, timeout_s=5.0)
        cities = {city_id: await self._load_city(city_id, version) for city_id, version in versions.items()}
        self.current = MappingProxyType({city_id: city for city_id, city in cities.items() if city})

    async def poll(self) -> None:
        """Refresh for ever. While the database is down the cached packs are used."""
        while True:
            await asyncio.sleep(self._refresh_s)
            try:
                await self.refresh()
            except DB_ERRORS as error:
                _log.warning("packs_not_reread", fault=type(error).__name__)

    async def _load_city(self, city_id: str, version: str) -> City | None:
        cached = self.current.get(city_id)
        if cached is not None and cached.version == version:
            return cached
        content = await city_packs.find_content(self._pool, version, timeout_s=30.0)
        try:
            # A large pack takes a second to decode: not on the event loop, which answers requests.
            city = await asyncio.to_thread(City.from_canonical, content or b"")
        except ValidationError:
            _log.error("pack_unreadable", city=city_id, version=version)
            return cached
        _log.info("pack_read", city=city_id, version=version)
        return city


@asynccontextmanager
async def open_pack_cache(pool: Pool, *, refresh_s: float) -> AsyncIterator[PackCache]:
    """Open a cache that is loaded, and is refreshed while the context is open."""
    packs = PackCache(pool, refresh_s=refresh_s)
    await retry(packs.refresh, timeout_s=30.0)
    async with asyncio.TaskGroup() as task_group:
        poller = task_group.create_task(packs.poll(), name="packs")
        try:
            yield packs
        finally:
            poller.cancel()
