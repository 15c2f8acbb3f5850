"""Which cases a list is of."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from string import ascii_lowercase, ascii_uppercase
from typing import Final, Literal, TypeAlias

from paidan_contracts.state import CaseState, Status
from paidan_contracts.time_limits import RequestKind
from paidan_dispatch.api.queries import PageKey

PendingRequest: TypeAlias = Literal["any"] | RequestKind


@dataclass(frozen=True, slots=True)
class CaseFilter:
    """Which cases to list. None and empty mean no restriction."""

    city: str | None = None
    area: str | None = None
    statuses: tuple[Status, ...] = ()
    department: str | None = None
    class_code: str | None = None
    reported_from: datetime | None = None
    reported_until: datetime | None = None
    not_called_back: bool = False
    held: bool = False
    planned: bool = False
    """In the construction plan."""
    verifier: str | None = None
    """The post whose task it is to verify the cases."""
    overdue: bool = False
    pending: PendingRequest | None = None
    due_soon: bool = False
    in_time: bool = False
    level: str | None = None
    """The highest of the city's ladder that stands."""
    source: str | None = None
    place: str | None = None
    """A district, street or community."""
    answered_by: Sequence[str] = ()
    """Who answers for a case beside its department, all of them: ``leader=post``, ``office=id``, ``unit=id``."""
    within_places: Collection[str] = ()
    """The caller's bounds: a case in any of them, and of any of these classes or patterns of classes."""
    within_classes: Collection[str] = ()
    grid_places: Collection[str] = ()
    """The places of a work grid: a case in any of them."""
    due_before: datetime | None = None
    """Of open cases alone."""
    oldest_first: bool = False
    after: PageKey | None = None
    limit: int = 100
    words: tuple[str, ...] = ()
    """Each stands in the words or address of a case or of one of its newest reports; ASCII letters in either case."""
    number: str | None = None
    """The case's own, or a source's own number of a report in it."""

    def has_words(self, state: CaseState) -> bool:
        """Return whether all words stand in what is told of a case."""
        told = [state.text, state.place.address]
        for each in state.joined:
            told += (each.text, each.address)
        text = ascii_lower("\n".join(filter(None, told)))
        return all(ascii_lower(each) in text for each in self.words)


_LOWER: Final = str.maketrans(ascii_uppercase, ascii_lowercase)


def ascii_lower(text: str) -> str:
    """Return the text with its ASCII letters in lower case, as the database's collation "C" does it."""
    return text.translate(_LOWER)
