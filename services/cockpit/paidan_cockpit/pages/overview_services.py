"""What other services tell the overview: rates with their receipts, and whether each service works."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from pydantic import BaseModel, ConfigDict, ValidationError

from paidan_cockpit.pages.city_view import CityView
from paidan_cockpit.rights import Person
from paidan_cockpit.services_client import SERVICE_NAMES, ServiceName, ServicesClient, ServiceUnavailable

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


@dataclass(frozen=True, slots=True)
class ServiceReadiness:
    """Whether a service works: `works`, `halted` with the names of halted loops, `not_ready`, or `no_answer`."""

    name: str
    state: str
    halted: Sequence[str] = ()


async def load_rates(services: ServicesClient, person: Person, view: CityView) -> Rates:
    """Ask scoring, in the person's name, for this month's rates of the whole city."""
    period = _month_of(view.times.now, view)
    try:
        answer = await services.get(
            "scoring", "/v1/scores", person, {"city": view.city_id, "period": period, "by": "city"}
        )
    except ServiceUnavailable:
        return Rates(period, {}, unavailable=True)
    if not answer.ok:
        return Rates(period, {}, refused=answer.status in (401, 403), unavailable=answer.status not in (401, 403))
    return Rates(period, parse_rates(answer.body))


def parse_rates(body: Any) -> dict[str, ShownRate]:  # noqa: ANN401 - whatever JSON was answered
    """Return the rates of an answer of scoring, in the overview's order; what is no rate is left out."""
    try:
        rates = body["total"]["rates"]
        return {name: ShownRate.model_validate(rates[name]) for name in RATES if name in rates}
    except (KeyError, TypeError, ValidationError):
        return {}


async def load_health(services: ServicesClient) -> list[ServiceReadiness]:
    """Ask every service whether it works."""
    return list(await asyncio.gather(*(_health_of(services, name) for name in SERVICE_NAMES)))


async def _health_of(services: ServicesClient, name: ServiceName) -> ServiceReadiness:
    answer = await services.probe(name, "/readyz")
    return parse_health(name, answer.body if answer is not None else None)


def parse_health(name: str, body: Any) -> ServiceReadiness:  # noqa: ANN401 - whatever JSON was answered
    """Return what an answer of ``/readyz`` means."""
    if not isinstance(body, dict):
        return ServiceReadiness(name, "no_answer")
    if halted := body.get("halted"):
        return ServiceReadiness(name, "halted", sorted(halted))
    return ServiceReadiness(name, "works") if body.get("ready") is True else ServiceReadiness(name, "not_ready")


def _month_of(now: datetime, view: CityView) -> str:
    return now.astimezone(view.times.zone).strftime("%Y-%m")
