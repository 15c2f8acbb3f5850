"""Who must act: routing rules in order, the first that covers a matter wins. How a rule is judged is here too."""

from dataclasses import dataclass
from datetime import date, datetime, time
from functools import cache
from typing import Annotated, Literal, TypeAlias

from pydantic import Field, StringConstraints

from paidan_contracts.city.geography import PlaceCodes
from paidan_contracts.city.organisation import DepartmentId
from paidan_contracts.city.pack_types import (
    ClassCode,
    ClassPattern,
    Names,
    PackModel,
    PlaceCode,
)
from paidan_contracts.wire import Channel, MatterType, Slug

RuleId = Slug
DepartmentSelector = Annotated[
    str, StringConstraints(pattern=r"^(owner|((city|district|street):)?[a-z0-9][a-z0-9_-]{0,62})$")
]
"""Who a rule names: a department's id; ``district:urban-management``, the department of that kind which belongs to the
district (or street, or the whole city) where the problem lies; ``owner``, whoever is said to own the component."""
Weekday = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
HourRange = Annotated[
    str, StringConstraints(pattern=r"^([01][0-9]|2[0-3]):[0-5][0-9]-(([01][0-9]|2[0-3]):[0-5][0-9]|24:00)$")
]
"""``22:00-06:00``: from the first up to but not including the second, over midnight where the second is earlier."""
DateRange = Annotated[
    str, StringConstraints(pattern=r"^([0-9]{4}-)?[0-9]{2}-[0-9]{2}\.\.([0-9]{4}-)?[0-9]{2}-[0-9]{2}$")
]
"""``2026-02-15..2026-02-23``, or every year ``11-15..03-15`` (the heating season); both ends belong to it."""


class TimeCondition(PackModel):
    """The time conditions of a rule, by the city's own clock; those given must all hold."""

    hours: tuple[HourRange, ...] | None = None
    weekdays: tuple[Weekday, ...] | None = None
    dates: tuple[DateRange, ...] | None = None
    working_time: bool | None = Field(default=None, description="True: in working hours only; False: outside them.")


class RoutingRule(PackModel):
    """One routing rule. Conditions that are given must all hold; one that is left out holds always.

    A rule whose department cannot be named for a matter (``district:`` where the district is unknown, ``owner`` where
    nobody is said to be it) does not cover that matter, and the next is asked.
    """

    id: RuleId
    names: Names | None = None
    classes: tuple[ClassPattern, ...] | None = None
    conditions: tuple[str, ...] | None = Field(default=None, description="Condition codes of the catalogue row.")
    places: tuple[PlaceCode, ...] | None = Field(default=None, description="Districts, streets or communities.")
    grids: tuple[PlaceCode, ...] | None = Field(default=None, description="How the grid cell's code begins.")
    areas: tuple[Slug, ...] | None = Field(default=None, description="Named areas drawn in geography/areas.geojson.")
    owners: tuple[DepartmentId, ...] | None = Field(default=None, description="Who is said to own the component.")
    channels: tuple[Channel, ...] | None = None
    sources: tuple[Slug, ...] | None = None
    matters: tuple[MatterType, ...] | None = None
    when: TimeCondition | None = None
    lead: DepartmentSelector
    helpers: tuple[DepartmentSelector, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class RoutingInput:
    """All that a routing rule may look at. ``at`` is an aware time: the one at which the case is routed."""

    class_code: ClassCode | None
    place: PlaceCodes
    channel: Channel
    source: Slug
    at: datetime
    condition: str | None = None
    owner: DepartmentId | None = None
    matter: MatterType | None = None
    declined: frozenset[DepartmentId] = frozenset()
    """Departments that returned the case: a rule that names one of them does not cover it."""


@dataclass(frozen=True, slots=True)
class Routed:
    """The first rule that covers the matter, and the departments it names for it."""

    rule: RuleId
    department: DepartmentId
    helpers: tuple[DepartmentId, ...]


@dataclass(frozen=True, slots=True)
class Unrouted:
    """No rule covers the matter: somebody at the desk must choose."""


RouteDecision: TypeAlias = Routed | Unrouted


def is_within_hours(hours: HourRange, at: time) -> bool:
    """Tell whether a time of the day lies within ``22:00-06:00``."""
    begin, end = _minutes(hours)
    now = at.hour * 60 + at.minute
    return begin <= now < end if begin < end else now >= begin or now < end


@cache
def _minutes(hours: HourRange) -> tuple[int, int]:
    begin, end = (60 * int(clock[:2]) + int(clock[3:]) for clock in hours.split("-"))
    return begin, end


def is_within_dates(dates: DateRange, day: date) -> bool:
    """Tell whether a day lies within ``2026-02-15..2026-02-23`` or, in any year, ``11-15..03-15``."""
    first, last = dates.split("..")
    today = day.isoformat()[-len(first) :]
    return first <= today <= last if first <= last else today >= first or today <= last
