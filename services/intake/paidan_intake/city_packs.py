"""The pack of every city that is in force, or was published last; kept in memory and read again every so often."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from types import MappingProxyType
from typing import Final

from pydantic import ValidationError

from paidan_chassis.database import FAULTS, Pool, retrying
from paidan_chassis.observability import logs
from paidan_contracts.city import City

# What is in force goes before what was published last: a city may have gone back to an older pack.
_NEWEST: Final = """
    SELECT DISTINCT ON (p.city) p.city, COALESCE(f.version, p.version) AS version
      FROM cities.pack p
      LEFT JOIN cities.in_force f USING (city)
     ORDER BY p.city, p.published_at DESC, p.version
"""
_CONTENT: Final = """
    SELECT content
      FROM cities.pack
     WHERE version = $1
"""
_log = logs.logger(loop="packs")


class Cities:
    """What intake reads reports with: for each city its newest pack, at most one reread behind."""

    def __init__(self, pool: Pool, *, reread_s: float) -> None:
        self._pool = pool
        self._reread_s = reread_s
        self._newest: Mapping[str, City] = MappingProxyType({})

    @property
    def newest(self) -> Mapping[str, City]:
        """Give every city by its id."""
        return self._newest

    def with_source(self, source: str) -> list[City]:
        """Name the cities that know a source of this name."""
        return [city for city in self._newest.values() if source in city.sources]

    async def reread(self) -> None:
        """Read packs that were published since. One that this release cannot read leaves its city as it was."""
        versions = await self._pool.fetch(_NEWEST, timeout=5.0)
        found = {row["city"]: await self._city(row["city"], row["version"]) for row in versions}
        self._newest = MappingProxyType({city_id: city for city_id, city in found.items() if city})

    async def follow(self) -> None:
        """Reread for ever. While the database is away the packs in memory hold."""
        while True:
            await asyncio.sleep(self._reread_s)
            try:
                await self.reread()
            except FAULTS as error:
                _log.warning("packs_not_reread", fault=type(error).__name__)

    async def _city(self, city_id: str, version: str) -> City | None:
        present = self._newest.get(city_id)
        if present is not None and present.version == version:
            return present
        content = await self._pool.fetchval(_CONTENT, version, timeout=30.0)
        try:
            # A large city takes a second to read: not on the loop that answers requests.
            city = await asyncio.to_thread(City.from_canonical, content)
        except ValidationError:
            _log.error("pack_unreadable", city=city_id, version=version)
            return present
        _log.info("pack_read", city=city_id, version=version)
        return city


@asynccontextmanager
async def open_cities(pool: Pool, *, reread_s: float) -> AsyncIterator[Cities]:
    """Give the cities, read once at least, and kept fresh while the context is open."""
    cities = Cities(pool, reread_s=reread_s)
    await retrying(cities.reread, within_s=30.0)
    async with asyncio.TaskGroup() as owner:
        following = owner.create_task(cities.follow(), name="packs")
        try:
            yield cities
        finally:
            following.cancel()
