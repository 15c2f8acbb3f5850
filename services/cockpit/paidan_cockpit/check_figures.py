"""The last conservation check at ``/metrics``: how old it is, and whether it holds."""

from paidan_chassis.clock import real_now
from paidan_chassis.database import Pool
from paidan_chassis.observability.metrics import Metrics
from paidan_cockpit import check_queries


class CheckFigures:
    """Sets the gauges of the conservation check. There are none before the first result."""

    def __init__(self, pool: Pool, metrics: Metrics) -> None:
        self._pool = pool
        self._metrics = metrics

    async def update(self) -> None:
        """Read the last result and set the gauges."""
        verdict = await check_queries.find_verdict(self._pool)
        if verdict is not None:
            age = (real_now() - verdict.checked_at).total_seconds()
            self._metrics.set_gauge("paidan_conservation_check_age_seconds", max(age, 0.0))
            self._metrics.set_gauge("paidan_conservation_check_holds", float(verdict.holds))
