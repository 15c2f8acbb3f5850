"""Which open cases come first in queues: those that an emergency or event concerns, as long as it is in force.

What ended without giving limits back keeps its cases first, too: those that were reported before its end.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from paidan_cockpit.pages.visibility import Argument, like_pattern
from paidan_contracts.city import City
from paidan_contracts.emergencies import EmergencyDeclaration, EmergencyEnded
from paidan_contracts.wire import WireModel


class ListedEmergency(WireModel):
    """An emergency or event, as dispatch lists it."""

    declaration: EmergencyDeclaration
    state: str
    ending: EmergencyEnded | None = None
    shortened: int = 0
    restored: int = 0
    is_settled: bool = True


@dataclass(frozen=True, slots=True)
class Precedence:
    """Of a declaration: how far its cases come before others, and which they are."""

    priority: int
    places: Sequence[str] = ()
    """Districts, streets and communities; none: the whole city."""
    classes: Sequence[str] = ()
    """Classes and patterns of them; none: every class."""
    reported_before: datetime | None = None

    def condition(self, argument: Argument) -> str:
        """Return which they are as a condition of a table of cases under the name ``listed``."""
        conditions = ["listed.ended_at IS NULL"]
        if self.reported_before is not None:
            conditions.append(f"listed.reported_at < {argument(self.reported_before)}")
        if self.places:
            places = f"{argument(list(self.places))}::text[]"
            levels = ("district", "street", "community")
            conditions.append(f"({' OR '.join(f'listed.{level} = ANY({places})' for level in levels)})")
        if self.classes:
            patterns = [like_pattern(each) for each in self.classes]
            conditions.append(f"listed.class_code LIKE ANY({argument(patterns)}::text[])")
        return " AND ".join(conditions)


def precedences_of(emergencies: Iterable[ListedEmergency], city: City) -> tuple[Precedence, ...]:
    """Return by what open cases of a city come first, the highest priority before others."""
    return tuple(sorted(_iter_precedences(emergencies, city), key=lambda each: -each.priority))


def priority_expression(precedences: Sequence[Precedence], argument: Argument) -> str:
    """Return the SQL of a case's priority; 0: by the usual order."""
    whens = " ".join(f"WHEN {each.condition(argument)} THEN {each.priority:d}" for each in precedences)
    return f"CASE {whens} ELSE 0 END"


def _iter_precedences(emergencies: Iterable[ListedEmergency], city: City) -> Iterator[Precedence]:
    for each in emergencies:
        declaration, ending = each.declaration, each.ending
        plan = city.emergencies.get(declaration.plan)
        level = next((one for one in plan.levels if one.id == declaration.level), None) if plan else None
        if level is None or not declaration.priority or each.state == "scheduled" or (ending and declaration.restores):
            continue
        limits = level.limits
        is_every = not limits or any(one.classes is None for one in limits)
        classes = () if is_every else tuple(pattern for one in limits for pattern in one.classes or ())
        yield Precedence(declaration.priority, declaration.places, classes, ending.ended_at if ending else None)
