"""Routing rules, which choose the department of a case: the first rule that covers it, in the city's order."""

from dataclasses import dataclass
from datetime import date, datetime, time
from functools import cache
from typing import Annotated, Literal, NamedTuple, TypeAlias

from pydantic import Field, StringConstraints

from paidan_contracts.city.geography import PlaceCodes
from paidan_contracts.city.organisation import DepartmentId
from paidan_contracts.city.pack_types import ClassCode, ClassPattern, Names, PackModel, PlaceCode
from paidan_contracts.wire import Channel, MatterType, Slug

RuleId = Slug
DepartmentSelector = Annotated[
    str, StringConstraints(pattern=r"^(owner|((city|district|street):)?[a-z0-9][a-z0-9_-]{0,62})$")
]
"""A department's id; ``district:urban-management``, the department of that kind in the district (or street, or city)
of the case; or ``owner``, the department that is stated to own the component."""
Weekday = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
HourRange = Annotated[
    str, StringConstraints(pattern=r"^([01][0-9]|2[0-3]):[0-5][0-9]-(([01][0-9]|2[0-3]):[0-5][0-9]|24:00)$")
]
"""``22:00-06:00``: the end excluded; past midnight where the end is earlier than the begin."""
DateRange = Annotated[
    str, StringConstraints(pattern=r"^([0-9]{4}-)?[0-9]{2}-[0-9]{2}\.\.([0-9]{4}-)?[0-9]{2}-[0-9]{2}$")
]
"""``2026-02-15..2026-02-23``, or every year ``11-15..03-15`` (the heating season); both ends included."""


class TimeCondition(PackModel):
    """The time conditions of a rule, in the city's time zone; all that are stated must hold."""

    hours: tuple[HourRange, ...] | None = None
    weekdays: tuple[Weekday, ...] | None = None
    dates: tuple[DateRange, ...] | None = None
    working_time: bool | None = Field(
        default=None, description="True: only in working hours; False: only outside them."
    )


class RoutingRule(PackModel):
    """One routing rule. All conditions that are stated must hold.

    A rule whose department cannot be determined (``district:`` where the district is unknown, ``owner`` where none is
    stated) does not cover the case, and the next rule is tried.
    """

    id: RuleId
    names: Names | None = None
    classes: tuple[ClassPattern, ...] | None = None
    conditions: tuple[str, ...] | None = Field(default=None, description="Condition codes of the catalogue row.")
    places: tuple[PlaceCode, ...] | None = Field(default=None, description="Districts, streets or communities.")
    grids: tuple[PlaceCode, ...] | None = Field(default=None, description="Prefixes of the grid cell's code.")
    areas: tuple[Slug, ...] | None = Field(default=None, description="Named areas drawn in geography/areas.geojson.")
    owners: tuple[DepartmentId, ...] | None = Field(default=None, description="Stated owners of the component.")
    channels: tuple[Channel, ...] | None = None
    sources: tuple[Slug, ...] | None = None
    matters: tuple[MatterType, ...] | None = None
    when: TimeCondition | None = None
    lead: DepartmentSelector
    helpers: tuple[DepartmentSelector, ...] = ()


# Tuples, as place codes are: one of each is made for every case, and a frozen dataclass takes three times as long.
class RoutingInput(NamedTuple):
    """The facts of a case on which routing rules decide. ``at`` is the time of routing, with a zone."""

    class_code: ClassCode | None
    place: PlaceCodes
    channel: Channel
    source: Slug
    at: datetime
    condition: str | None = None
    owner: DepartmentId | None = None
    matter: MatterType | None = None
    declined: frozenset[DepartmentId] = frozenset()
    """Departments that returned the case, or are complained of: a rule that chooses one of them does not cover it."""


class Routed(NamedTuple):
    """The first rule that covers the case, and the departments that it chooses."""

    rule: RuleId
    department: DepartmentId
    helpers: tuple[DepartmentId, ...]


@dataclass(frozen=True, slots=True)
class Unrouted:
    """No rule covers the case: an operator must choose."""


RouteDecision: TypeAlias = Routed | Unrouted


def is_within_hours(hours: HourRange, at: time) -> bool:
    """Return whether a time of day lies within hours such as ``22:00-06:00``."""
    begin, end = _minutes(hours)
    now = at.hour * 60 + at.minute
    return begin <= now < end if begin < end else now >= begin or now < end


@cache
def _minutes(hours: HourRange) -> tuple[int, int]:
    begin, end = (60 * int(clock[:2]) + int(clock[3:]) for clock in hours.split("-"))
    return begin, end


def is_within_dates(dates: DateRange, day: date) -> bool:
    """Return whether a day lies within ``2026-02-15..2026-02-23`` or, in any year, ``11-15..03-15``."""
    first, last = dates.split("..")
    today = day.isoformat()[-len(first) :]
    return first <= today <= last if first <= last else today >= first or today <= last
