"""The pack of every city that is in force, or was published last; kept in memory and read again every so often."""

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
    """What intake reads reports with: for each city its newest pack, at most one reread behind."""

    def __init__(self, pool: Pool, *, refresh_s: float) -> None:
        self._pool = pool
        self._refresh_s = refresh_s
        self.current: Mapping[str, City] = MappingProxyType({})
        """Every city by its id."""

    def cities_with_source(self, source: str) -> list[City]:
        """Name the cities that know a source of this name."""
        return [city for city in self.current.values() if source in city.sources]

    async def refresh(self) -> None:
        """Read packs that were published since. One that this release cannot read leaves its city as it was."""
        versions = await city_packs.load_current_versions(self._pool, timeout_s=5.0)
        cities = {city_id: await self._load_city(city_id, version) for city_id, version in versions.items()}
        self.current = MappingProxyType({city_id: city for city_id, city in cities.items() if city})

    async def poll(self) -> None:
        """Reread for ever. While the database is away the packs in memory hold."""
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
            # A large city takes a second to read: not on the loop that answers requests.
            city = await asyncio.to_thread(City.from_canonical, content or b"")
        except ValidationError:
            _log.error("pack_unreadable", city=city_id, version=version)
            return cached
        _log.info("pack_read", city=city_id, version=version)
        return city


@asynccontextmanager
async def open_pack_cache(pool: Pool, *, refresh_s: float) -> AsyncIterator[PackCache]:
    """Give the cities, read once at least, and kept fresh while the context is open."""
    packs = PackCache(pool, refresh_s=refresh_s)
    await retry(packs.refresh, timeout_s=30.0)
    async with asyncio.TaskGroup() as task_group:
        poller = task_group.create_task(packs.poll(), name="packs")
        try:
            yield packs
        finally:
            poller.cancel()
