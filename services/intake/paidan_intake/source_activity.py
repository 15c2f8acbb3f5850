"""Since when each source is silent: shown at ``/metrics`` beside the limit in the city's pack."""

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Final, NamedTuple

from paidan_chassis.clock import Clock
from paidan_chassis.database import Pool
from paidan_chassis.observability.metrics import Metrics
from paidan_contracts.city import City
from paidan_intake.city_packs import PackCache

# A source that was never heard counts from the moment at which it is first looked for.
UPSERT_LAST_SEEN: Final = """
    INSERT INTO source_activity AS a (source, last_seen)
    SELECT * FROM unnest($1::text[], $2::timestamptz[])
        ON CONFLICT (source) DO UPDATE
       SET last_seen = EXCLUDED.last_seen
     WHERE a.last_seen < EXCLUDED.last_seen
"""
INSERT_UNHEARD: Final = """
    INSERT INTO source_activity (source, last_seen)
    SELECT source, $2 FROM unnest($1::text[]) AS source
        ON CONFLICT DO NOTHING
"""
SELECT_LAST_SEEN: Final = "SELECT source, last_seen FROM source_activity WHERE source = ANY($1::text[])"


class LimitedSource(NamedTuple):
    """A source whose silence is noticed, and after how long."""

    city: str
    source: str
    limit_s: float


class SourceActivity:
    """Notes in memory which sources are heard; ``update`` stores that, and shows what all processes have heard."""

    def __init__(self, pool: Pool, packs: PackCache, clock: Clock, metrics: Metrics) -> None:
        self.heard: dict[str, datetime] = {}
        """Written for each report: by its source, when it was recorded."""
        self._pool = pool
        self._packs = packs
        self._clock = clock
        self._metrics = metrics

    async def update(self) -> None:
        """Store what was heard, and set the gauges of every source that has a limit."""
        heard = dict(self.heard)
        if heard:
            await self._pool.execute(UPSERT_LAST_SEEN, list(heard), list(heard.values()), timeout=10)
        limited, now = list(limited_sources(self._packs.current)), self._clock.now()
        if not limited:
            return
        names = [each.source for each in limited]
        await self._pool.execute(INSERT_UNHEARD, names, now, timeout=10)
        rows = await self._pool.fetch(SELECT_LAST_SEEN, names, timeout=10)
        last_seen = {row["source"]: row["last_seen"] for row in rows}
        for city, source, limit_s in limited:
            silent_s = max((now - last_seen[source]).total_seconds(), 0.0)
            self._metrics.set_gauge("paidan_source_silent_seconds", silent_s, city=city, source=source)
            self._metrics.set_gauge("paidan_source_silence_limit_seconds", limit_s, city=city, source=source)


def limited_sources(cities: Mapping[str, City]) -> Iterator[LimitedSource]:
    """Yield the sources that a pack in force gives a limit."""
    for city in cities.values():
        for source in city.sources.values():
            if source.silent_after_min is not None:
                yield LimitedSource(city.id, source.id, source.silent_after_min * 60.0)
