"""The rates of the overview, with their receipts, as scoring answers them."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from pydantic import BaseModel, ConfigDict, ValidationError

from paidan_cockpit.pages.city_view import CityView
from paidan_cockpit.rights import Person
from paidan_cockpit.services_client import ServicesClient, ServiceUnavailable

RATES: Final = ("handling", "on_time", "closing", "satisfaction")
"""The rates that the overview shows, of those that a city's pack defines."""


class ShownRate(BaseModel):
    """A rate as scoring answers it; ``value`` is None where the denominator is 0."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    numerator: int
    denominator: int
    value: float | None
    score_id: str


@dataclass(frozen=True, slots=True)
class Rates:
    """This month's rates by their names in the pack; or why there are none: `refused`, `unavailable`."""

    period: str
    rates: Mapping[str, ShownRate]
    refused: bool = False
    unavailable: bool = False


async def load_rates(services: ServicesClient, person: Person, view: CityView) -> Rates:
    """Ask scoring, in the person's name, for this month's rates of the whole city."""
    period = _month_of(view.times.now, view)
    try:
        answer = await services.get(
            "scoring", "/v1/scores", person, {"city": view.city_id, "period": period, "by": "city"}
        )
    except ServiceUnavailable:
        return unavailable_rates(view)
    if not answer.ok:
        return Rates(period, {}, refused=answer.status in (401, 403), unavailable=answer.status not in (401, 403))
    return Rates(period, parse_rates(answer.body))


def unavailable_rates(view: CityView) -> Rates:
    """Return what there is while scoring does not answer."""
    return Rates(_month_of(view.times.now, view), {}, unavailable=True)


def parse_rates(body: Any) -> dict[str, ShownRate]:  # noqa: ANN401 - whatever JSON was answered
    """Return the rates of an answer of scoring, in the overview's order; what is no rate is left out."""
    try:
        rates = body["total"]["rates"]
        return {name: ShownRate.model_validate(rates[name]) for name in RATES if name in rates}
    except (KeyError, TypeError, ValidationError):
        return {}


def _month_of(now: datetime, view: CityView) -> str:
    return now.astimezone(view.times.zone).strftime("%Y-%m")
