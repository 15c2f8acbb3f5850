"""Screening: which alarms of a camera or sensor become a report, by dwell, re-fires and confidence. Pure."""

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Literal, NamedTuple, TypeAlias

from paidan_contracts.city.class_overrides import EffectiveScreening

SuppressionReason = Literal["alarm_below_confidence", "alarm_refired", "alarm_too_brief", "alarm_ignored"]


class AlarmSubject(NamedTuple):
    """What an alarm is about: another alarm of the same subject is a re-fire."""

    source: str
    camera: str
    kind: str
    """The class's code or, for an unknown category, the category."""
    region: str


@dataclass(frozen=True, slots=True)
class Sighting:
    """The stored state of a subject: since when and until when it was seen, and when it was last reported."""

    first_seen: datetime
    last_seen: datetime
    reported_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class BecomesReport:
    """The alarm becomes a report, to be verified first if its confidence is low."""

    verify_first: bool


@dataclass(frozen=True, slots=True)
class Suppressed:
    """The alarm becomes no report."""

    reason: SuppressionReason


Verdict: TypeAlias = BecomesReport | Suppressed


def screen(
    seen_at: datetime, confidence: float | None, previous: Sighting | None, terms: EffectiveScreening
) -> tuple[Verdict, Sighting | None]:
    """Return whether an alarm becomes a report, and the new state of its subject.

    The re-fire window starts at the last *report*, not at the last alarm: a problem that a department closed while the
    camera still sees it is reported again, and dispatch decides whether its case is still open. An alarm without a
    confidence passes the confidence test: dispatch decides whether its source is trusted.
    """
    if confidence is not None and confidence < terms.review_at:
        return Suppressed("alarm_below_confidence"), previous
    sighting = _extend_sighting(seen_at, previous, silence_s=max(terms.refire_s, terms.dwell_s))
    if sighting.reported_at is not None and _seconds_between(seen_at, sighting.reported_at) < terms.refire_s:
        return Suppressed("alarm_refired"), sighting
    if (seen_at - sighting.first_seen).total_seconds() < terms.dwell_s:
        return Suppressed("alarm_too_brief"), sighting
    return BecomesReport(confidence is not None and confidence < terms.report_at), replace(
        sighting, reported_at=seen_at
    )


def _extend_sighting(seen_at: datetime, previous: Sighting | None, *, silence_s: float) -> Sighting:
    """Return the sighting extended, or a new one after a silence. Alarms may arrive out of order."""
    if previous is None:
        return Sighting(seen_at, seen_at)
    if _seconds_between(seen_at, previous.last_seen) > silence_s:
        return Sighting(seen_at, seen_at, previous.reported_at)
    return Sighting(min(seen_at, previous.first_seen), max(seen_at, previous.last_seen), previous.reported_at)


def _seconds_between(one: datetime, other: datetime) -> float:
    return abs((one - other).total_seconds())
