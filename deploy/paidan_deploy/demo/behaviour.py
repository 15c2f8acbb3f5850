"""How the demo city's departments work: mostly well, some late, some carelessly, some return orders. Pure."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from random import Random
from typing import Final

_MAX_WORK_TIME: Final = timedelta(hours=5)
_DEFAULT_WORK_TIME: Final = timedelta(hours=3)


@dataclass(frozen=True, slots=True)
class Behaviour:
    """One department's habits, as shares of its orders."""

    return_rate: float
    late_rate: float
    careless_rate: float

    @classmethod
    def random(cls, rng: Random) -> "Behaviour":
        """Draw a department's habits; one department in eight is a bad one."""
        factor = 3.0 if rng.random() < 0.125 else 1.0
        return cls(rng.uniform(0.01, 0.05) * factor, rng.uniform(0.02, 0.10) * factor, rng.uniform(0.02, 0.06) * factor)


@dataclass(frozen=True, slots=True)
class OrderPlan:
    """What a department will do with one order; ``finish_at`` None: it returns the order instead of accepting it."""

    accept_at: datetime
    finish_at: datetime | None
    careless: bool


def plan_order(rng: Random, behaviour: Behaviour, now: datetime, due_at: datetime | None) -> OrderPlan:
    """Plan what a department does with an order that it has just read."""
    accept_at = now + timedelta(minutes=rng.uniform(1, 11))
    if rng.random() < behaviour.late_rate:
        accept_at += timedelta(minutes=20)
    if rng.random() < behaviour.return_rate:
        return OrderPlan(accept_at, None, careless=False)
    time_left = (due_at - now) if due_at else _DEFAULT_WORK_TIME
    if rng.random() < behaviour.late_rate:
        finish_at = now + max(time_left, timedelta()) * rng.uniform(1.05, 1.6) + timedelta(minutes=5)
    else:
        finish_at = now + min(time_left * rng.uniform(0.25, 0.85), _MAX_WORK_TIME * rng.uniform(0.4, 1.0))
    return OrderPlan(
        accept_at, max(finish_at, accept_at + timedelta(minutes=3)), rng.random() < behaviour.careless_rate
    )
