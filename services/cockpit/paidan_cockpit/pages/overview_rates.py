"""The rates of the overview, with their receipts, as scoring has published them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from paidan_chassis.database import Pool
from paidan_cockpit import score_queries
from paidan_cockpit.pages.city_view import CityView
from paidan_cockpit.rights import Person
from paidan_cockpit.score_queries import CityScore

RATES: Final = ("handling", "on_time", "closing", "satisfaction")
"""The rates that the overview shows, of those that a city's pack defines."""


@dataclass(frozen=True, slots=True)
class Rates:
    """This month's rates of a whole city by their names in the pack; ``refused``: they are not for this post."""

    period: str
    rates: Mapping[str, CityScore]
    refused: bool = False


async def load_rates(pool: Pool, person: Person, view: CityView) -> Rates:
    """Return this month's rates, each as it was published last."""
    period = view.times.now.astimezone(view.times.zone).strftime("%Y-%m")
    if "city" not in person.score_dimensions:
        return Rates(period, {}, refused=True)
    scores = await score_queries.load_scores(pool, view.city_id, period)
    defined = [rate.id for rate in view.city.pack.indicators.rates]
    return Rates(period, shown_rates(scores, defined, view.city_id, period))


def shown_rates(
    scores: Mapping[str, CityScore], defined: Sequence[str], city: str, period: str
) -> dict[str, CityScore]:
    """Return the rates that a pack defines, in the overview's order; one without a score counts nothing yet."""
    return {name: scores.get(name) or CityScore("", 0, city, period, name, 0, 0) for name in RATES if name in defined}
