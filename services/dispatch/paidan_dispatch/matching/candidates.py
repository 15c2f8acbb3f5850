"""Values of matching: a city's rules, the cases that may match, and the result."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NamedTuple, TypeAlias

from paidan_contracts.city.class_overrides import EffectiveMatching
from paidan_contracts.city.pack_types import TimeLimit
from paidan_contracts.wire import Channel


@dataclass(frozen=True, slots=True, eq=False)
class MatchRules:
    """How a city matches reports."""

    channels: frozenset[Channel]
    window: timedelta
    terms_of: Callable[[str], EffectiveMatching]
    """Returns radius and recurrence of a class."""
    deadline: Callable[[datetime, TimeLimit], datetime]
    addresses_per_point: int
    """How many different addresses one point may have before no merge follows from it."""


class Candidate(NamedTuple):
    """A case that has a class and a position: a row of the search index, at most one for each case.

    ``square`` is the search key, an integer below 2**63. It depends on area, class and an import's own namespace, too;
    where keys of two namespaces collide, the rule compares these fields.
    """

    case_id: str
    square: int
    area: str
    class_code: str
    matched_within: str | None
    past: bool
    channel: Channel
    latitude: float
    longitude: float
    reported_at: datetime
    closed_at: datetime | None = None
    recurs_until: datetime | None = None
    """None while the case is open; afterwards, until when a report here counts as a recurrence."""


@dataclass(frozen=True, slots=True)
class Removed:
    """The case is no longer in the search index."""

    case_id: str


IndexChange: TypeAlias = Candidate | Removed


class Duplicate(NamedTuple):
    """The report is about this open case."""

    case_id: str
    distance_m: float


class NoMatch(NamedTuple):
    """The report is about no open case; perhaps it recurs after one that was closed here shortly before."""

    recurrence_of: str | None = None


MatchResult: TypeAlias = Duplicate | NoMatch
