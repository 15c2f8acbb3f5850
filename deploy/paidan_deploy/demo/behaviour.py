"""How the demo city's offices work: mostly well, some late, some carelessly, some on the wrong desk. Pure."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from random import Random
from typing import Final

_LONGEST: Final = timedelta(hours=5)
_WITHOUT_LIMIT: Final = timedelta(hours=3)


@dataclass(frozen=True, slots=True)
class Manner:
    """One office's habits, as shares of its orders."""

    returns: float
    late: float
    careless: float

    @classmethod
    def of(cls, chance: Random) -> "Manner":
        """Give an office its habits; one in eight is a bad one."""
        bad = 3.0 if chance.random() < 0.125 else 1.0
        return cls(chance.uniform(0.01, 0.05) * bad, chance.uniform(0.02, 0.10) * bad, chance.uniform(0.02, 0.06) * bad)


@dataclass(frozen=True, slots=True)
class Course:
    """What an office will do with one order; ``finish_at`` None: it gives the order back instead of accepting."""

    accept_at: datetime
    finish_at: datetime | None
    careless: bool


def course(chance: Random, manner: Manner, now: datetime, due_at: datetime | None) -> Course:
    """Decide what becomes of an order that an office has just read."""
    accept_at = now + timedelta(minutes=chance.uniform(1, 11))
    if chance.random() < manner.late:
        accept_at += timedelta(minutes=20)
    if chance.random() < manner.returns:
        return Course(accept_at, None, careless=False)
    left = (due_at - now) if due_at else _WITHOUT_LIMIT
    if chance.random() < manner.late:
        finish_at = now + max(left, timedelta()) * chance.uniform(1.05, 1.6) + timedelta(minutes=5)
    else:
        finish_at = now + min(left * chance.uniform(0.25, 0.85), _LONGEST * chance.uniform(0.4, 1.0))
    return Course(accept_at, max(finish_at, accept_at + timedelta(minutes=3)), chance.random() < manner.careless)
