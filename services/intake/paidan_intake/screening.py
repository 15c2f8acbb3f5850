"""Which of a camera's alarms become a report: dwell, re-fires, confidence. No resident's report comes here. Pure."""

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Literal, NamedTuple, TypeAlias

from paidan_contracts.city.class_overrides import ScreenTerms

Cause = Literal["alarm_below_confidence", "alarm_refired", "alarm_too_brief", "alarm_ignored"]


class Subject(NamedTuple):
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
class Report:
    """It becomes a report. ``verify_first``: the camera was not sure enough."""

    verify_first: bool


@dataclass(frozen=True, slots=True)
class Suppress:
    """It becomes none, and the outcome says why."""

    cause: Cause


Verdict: TypeAlias = Report | Suppress


def screen(
    at: datetime, confidence: float | None, before: Sighting | None, terms: ScreenTerms
) -> tuple[Verdict, Sighting | None]:
    """Judge one firing by what was seen before, and say what to remember.

    The window of re-fires runs from the last *report*, not from the last firing: an incident that a department says
    is gone while the camera still sees it is reported anew, and dispatch judges whether its case is still open.
    An alarm without a confidence passes that test: whether its source is trusted is dispatch's question.
    """
    if confidence is not None and confidence < terms.review_at:
        return Suppress("alarm_below_confidence"), before
    seen = _seen(at, before, silence_s=max(terms.refire_s, terms.dwell_s))
    if seen.reported_at is not None and _apart_s(at, seen.reported_at) < terms.refire_s:
        return Suppress("alarm_refired"), seen
    if (at - seen.first_seen).total_seconds() < terms.dwell_s:
        return Suppress("alarm_too_brief"), seen
    return Report(confidence is not None and confidence < terms.report_at), replace(seen, reported_at=at)


def _seen(at: datetime, before: Sighting | None, *, silence_s: float) -> Sighting:
    """Go on with a sighting, or begin another after a silence. Firings may arrive out of order."""
    if before is None:
        return Sighting(at, at)
    if _apart_s(at, before.last_seen) > silence_s:
        return Sighting(at, at, before.reported_at)
    return Sighting(min(at, before.first_seen), max(at, before.last_seen), before.reported_at)


def _apart_s(one: datetime, other: datetime) -> float:
    return abs((one - other).total_seconds())
