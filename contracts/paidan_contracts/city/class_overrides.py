"""Terms of matching and screening as they come out for one class, its own entry before the general one."""

from dataclasses import dataclass
from typing import TypeVar

from paidan_contracts.city.pack_types import Limit
from paidan_contracts.city.policies import (
    ClassMatching,
    ClassScreening,
    Matching,
    Screening,
)

T = TypeVar("T", ClassMatching, ClassScreening)


@dataclass(frozen=True, slots=True)
class MatchTerms:
    """How near and how soon two reports of one class must be to be about the same thing."""

    radius_m: float
    window_h: int
    recurrence: Limit
    off: bool


@dataclass(frozen=True, slots=True)
class ScreenTerms:
    """What a camera's alarm of one class must pass."""

    refire_s: float
    dwell_s: float
    report_at: float
    review_at: float


def fits(pattern: str, class_code: str | None) -> bool:
    """Tell whether a class code is meant by ``E0110``, ``E01*`` or ``*``; an unknown class is meant by none."""
    if class_code is None:
        return False
    return class_code.startswith(pattern[:-1]) if pattern.endswith("*") else class_code == pattern


def match_terms(matching: Matching, class_code: str | None) -> MatchTerms:
    """Say how matching treats a class."""
    own = _first(matching.by_class, class_code) or ClassMatching(classes=("*",))
    return MatchTerms(
        radius_m=own.radius_m or matching.radius_m,
        window_h=matching.window_h,
        recurrence=own.recurrence or matching.recurrence,
        off=own.off,
    )


def screen_terms(screening: Screening, class_code: str | None) -> ScreenTerms:
    """Say how screening treats a class."""
    own = _first(screening.by_class, class_code) or ClassScreening(classes=("*",))
    return ScreenTerms(
        refire_s=screening.refire_s if own.refire_s is None else own.refire_s,
        dwell_s=screening.dwell_s if own.dwell_s is None else own.dwell_s,
        report_at=screening.report_at if own.report_at is None else own.report_at,
        review_at=screening.review_at,
    )


def _first(entries: tuple[T, ...], class_code: str | None) -> T | None:
    return next((each for each in entries if any(fits(pattern, class_code) for pattern in each.classes)), None)
