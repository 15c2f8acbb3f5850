"""Which of a camera's alarms become a report: dwell, re-fires, confidence. No resident's report comes here. Pure."""

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Literal, NamedTuple, TypeAlias

from paidan_contracts.city.class_overrides import EffectiveScreening

SuppressionReason = Literal["alarm_below_confidence", "alarm_refired", "alarm_too_brief", "alarm_ignored"]


class AlarmSubject(NamedTuple):
    """What an alarm is about: the same subject again is the same incident firing again."""

    source: str
    camera: str
    kind: str
    """The class's code or, for a word that the city does not know, the word."""
    region: str


@dataclass(frozen=True, slots=True)
class Sighting:
    """What is remembered of a subject."""

    first_seen: datetime
    last_seen: datetime
    reported_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class BecomesReport:
    """It becomes a report. ``verify_first``: the camera was not sure enough."""

    verify_first: bool


@dataclass(frozen=True, slots=True)
class Suppressed:
    """It becomes none, and the outcome says why."""

    reason: SuppressionReason


Verdict: TypeAlias = BecomesReport | Suppressed


def screen(
    seen_at: datetime, confidence: float | None, previous: Sighting | None, terms: EffectiveScreening
) -> tuple[Verdict, Sighting | None]:
    """Judge one firing by what was seen before, and say what to remember.

    The window of re-fires runs from the last *report*, not from the last firing: an incident that a department says
    is gone while the camera still sees it is reported anew, and dispatch judges whether its case is still open.
    An alarm without a confidence passes that test: whether its source is trusted is dispatch's question.
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
    """Go on with a sighting, or begin another after a silence. Firings may arrive out of order."""
    if previous is None:
        return Sighting(seen_at, seen_at)
    if _seconds_between(seen_at, previous.last_seen) > silence_s:
        return Sighting(seen_at, seen_at, previous.reported_at)
    return Sighting(min(seen_at, previous.first_seen), max(seen_at, previous.last_seen), previous.reported_at)


def _seconds_between(one: datetime, other: datetime) -> float:
    return abs((one - other).total_seconds())
