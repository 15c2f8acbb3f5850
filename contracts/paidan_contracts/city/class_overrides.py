"""Matching and screening policies in effect for one class: its override, else the city's."""

from dataclasses import dataclass
from typing import TypeVar

from paidan_contracts.city.pack_types import TimeLimit
from paidan_contracts.city.policies import (
    ClassMatchingOverride,
    ClassScreeningOverride,
    MatchingPolicy,
    ScreeningPolicy,
)

OverrideT = TypeVar("OverrideT", ClassMatchingOverride, ClassScreeningOverride)


@dataclass(frozen=True, slots=True)
class EffectiveMatching:
    """The distance and the time within which two reports of a class are about the same thing."""

    radius_m: float
    window_h: int
    recurrence: TimeLimit
    off: bool


@dataclass(frozen=True, slots=True)
class EffectiveScreening:
    """The conditions under which an alarm of a class becomes a report."""

    refire_s: float
    dwell_s: float
    report_at: float
    review_at: float


def matches_class(pattern: str, class_code: str | None) -> bool:
    """Return whether a class code matches ``E0110``, ``E01*`` or ``*``; None matches nothing."""
    if class_code is None:
        return False
    return class_code.startswith(pattern[:-1]) if pattern.endswith("*") else class_code == pattern


def effective_matching(matching: MatchingPolicy, class_code: str | None) -> EffectiveMatching:
    """Return the matching policy in effect for a class."""
    override = _find_override(matching.by_class, class_code) or ClassMatchingOverride(classes=("*",))
    return EffectiveMatching(
        radius_m=override.radius_m or matching.radius_m,
        window_h=matching.window_h,
        recurrence=override.recurrence or matching.recurrence,
        off=override.off,
    )


def effective_screening(screening: ScreeningPolicy, class_code: str | None) -> EffectiveScreening:
    """Return the screening policy in effect for a class."""
    override = _find_override(screening.by_class, class_code) or ClassScreeningOverride(classes=("*",))
    return EffectiveScreening(
        refire_s=screening.refire_s if override.refire_s is None else override.refire_s,
        dwell_s=screening.dwell_s if override.dwell_s is None else override.dwell_s,
        report_at=screening.report_at if override.report_at is None else override.report_at,
        review_at=screening.review_at,
    )


def _find_override(entries: tuple[OverrideT, ...], class_code: str | None) -> OverrideT | None:
    return next((each for each in entries if any(matches_class(pattern, class_code) for pattern in each.classes)), None)
