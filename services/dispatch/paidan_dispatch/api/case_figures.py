"""The city in figures at ``/metrics``: open, overdue, held and uncalled cases."""

from typing import Final

from paidan_chassis.database import Pool
from paidan_chassis.observability.metrics import GaugeName, Metrics

GAUGES: Final[dict[str, GaugeName]] = {
    "open": "paidan_cases_open",
    "overdue": "paidan_cases_overdue",
    "held": "paidan_cases_held",
    "uncalled": "paidan_cases_uncalled",
}
# Each part reads one partial index, and none a document.
SELECT_FIGURES: Final = """
    SELECT city, 'open' AS figure, count(*) AS cases FROM case_now WHERE ended_at IS NULL GROUP BY city
     UNION ALL
    SELECT city, 'overdue', count(*) FROM case_now WHERE overdue GROUP BY city
     UNION ALL
    SELECT city, 'held', count(*) FROM case_now WHERE held GROUP BY city
     UNION ALL
    SELECT city, 'uncalled', count(*) FROM case_now WHERE awaits_call GROUP BY city
     UNION ALL
    SELECT DISTINCT city, 'open', 0 FROM lane_city
"""


class CaseFigures:
    """Counts cases by city. Every process counts all of them: a dashboard takes the highest."""

    def __init__(self, pool: Pool, metrics: Metrics) -> None:
        self._pool = pool
        self._metrics = metrics

    async def update(self) -> None:
        """Count, and set the gauges of every city that has a pack in force."""
        rows = await self._pool.fetch(SELECT_FIGURES, timeout=10)
        counts = {(row["city"], figure): 0 for row in rows for figure in GAUGES}
        for row in rows:
            counts[row["city"], row["figure"]] += row["cases"]
        for (city, figure), cases in counts.items():
            self._metrics.set_gauge(GAUGES[figure], cases, city=city)
