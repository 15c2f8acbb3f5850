"""The city in which something was reported last: where a person of several cities begins."""

from collections.abc import Collection
from typing import Final

from paidan_chassis.database import Pool
from paidan_cockpit.pages.ttl_cache import TtlCache

_AGE_S: Final = 30.0
_TIMEOUT_S: Final = 5.0
_SELECT_LATEST: Final = """
    SELECT known.city
      FROM unnest($1::text[]) AS known (city)
     CROSS JOIN LATERAL (
           SELECT reported_at
             FROM case_row
            WHERE case_row.city = known.city
            ORDER BY reported_at DESC
            LIMIT 1
           ) AS newest
     ORDER BY newest.reported_at DESC, known.city
     LIMIT 1
"""


class LatestCity:
    """Finds the city of the newest report, which is kept for some seconds."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool
        self._found = TtlCache[str | None](_AGE_S)

    async def among(self, cities: Collection[str]) -> str | None:
        """Return the one of these cities that has the newest case; None while none has any."""
        wanted = sorted(cities)
        return await self._found.get(
            tuple(wanted), lambda: self._pool.fetchval(_SELECT_LATEST, wanted, timeout=_TIMEOUT_S)
        )
