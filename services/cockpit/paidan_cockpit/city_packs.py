"""City packs as pages use them: names of what cases refer to, calendar, places. Cached by version."""

import asyncio
import time
from collections.abc import Mapping
from typing import Final

from pydantic import ValidationError

from paidan_chassis import city_packs
from paidan_chassis.database import Pool
from paidan_contracts.city import City

_REFRESH_AFTER_S: Final = 5.0
_MAX_VERSIONS: Final = 32
_TIMEOUT_S: Final = 5.0


class PackCache:
    """Caches packs by version, and for some seconds which versions are in force. A published pack never changes.

    Those that were not used for longest go first, so that packs in force stay.
    """

    def __init__(self, pool: Pool) -> None:
        self._pool = pool
        self._packs: dict[str, City | None] = {}
        self._definitions: dict[
            str, tuple[list[city_packs.PublishedVersion], list[city_packs.PublishedDefinitions]]
        ] = {}
        self._current: Mapping[str, str] = {}
        self._read_at = float("-inf")
        self._lock = asyncio.Lock()

    async def current(self) -> Mapping[str, City]:
        """Return the packs in force, by city; cities whose pack cannot be read are left out."""
        async with self._lock:
            if time.monotonic() - self._read_at > _REFRESH_AFTER_S:
                self._current = await city_packs.load_current_versions(self._pool, timeout_s=_TIMEOUT_S)
                self._read_at = time.monotonic()
        packs = {city: await self.find(version) for city, version in sorted(self._current.items())}
        return {city: pack for city, pack in packs.items() if pack is not None}

    async def versions(self, city: str) -> list[city_packs.PublishedVersion]:
        """Return the versions of a city's pack, those that were published last first."""
        return await city_packs.list_versions(self._pool, city, _MAX_VERSIONS, timeout_s=_TIMEOUT_S)

    async def definitions(self, city: str) -> list[city_packs.PublishedDefinitions]:
        """Return which definitions of indicators a city's versions had, in the order of ``versions``.

        They are read again only after another version was published.
        """
        newest = await city_packs.list_versions(self._pool, city, 1, timeout_s=_TIMEOUT_S)
        read_by, definitions = self._definitions.get(city, ([], []))
        if read_by != newest:
            definitions = await city_packs.list_definitions(self._pool, city, _MAX_VERSIONS, timeout_s=_TIMEOUT_S)
            self._definitions[city] = (newest, definitions)
        return definitions

    async def find(self, version: str) -> City | None:
        """Return the pack of a version; None for one that was never published or that this release cannot read."""
        if version in self._packs:
            pack = self._packs.pop(version)
        else:
            content = await city_packs.find_content(self._pool, version, timeout_s=_TIMEOUT_S)
            if content is None:
                return None  # it may be published yet
            pack = _parse(content)
        self._packs[version] = pack
        while len(self._packs) > _MAX_VERSIONS:
            del self._packs[next(iter(self._packs))]
        return pack


def _parse(content: bytes) -> City | None:
    try:
        return City.from_canonical(content)
    except ValidationError:
        return None
