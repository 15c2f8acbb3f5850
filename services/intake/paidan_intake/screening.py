"""Screening: which alarms of a camera or sensor become a report, by dwell, re-fires and confidence. Pure."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final, Literal, NamedTuple, TypeAlias

from paidan_contracts.city.class_overrides import EffectiveScreening

SuppressionReason = Literal["alarm_below_confidence", "alarm_refired", "alarm_too_brief", "alarm_ignored"]


class AlarmSubject(NamedTuple):
    """What an alarm is about: another alarm of the same subject is a re-fire."""

    source: str
    camera: str
    kind: str
    """The class's code or, for an unknown category, the category with personal data masked."""
    region: str


@dataclass(frozen=True, slots=True)
class Stay:
    """A time during which a subject was seen without a longer silence, and when it was last reported.

    ``is_unsure``: that report awaits verification.
    """

    first_seen: datetime
    last_seen: datetime
    reported_at: datetime | None = None
    is_unsure: bool = False


Sighting: TypeAlias = tuple[Stay, ...]
"""The stored state of a subject: its stays in order of time, of which the newest are kept."""
MAX_STAYS: Final = 8


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
    seen_at: datetime, confidence: float | None, previous: Sighting, terms: EffectiveScreening
) -> tuple[Verdict, Sighting]:
    """Return whether an alarm becomes a report, and the new state of its subject.

    Alarms may arrive in any order, a camera's backlog among its live ones: each belongs to the stay that it is near to,
    or begins one. A stay is reported once it is as long as the dwell time, and again when the re-fire time has passed
    since its last *report*, not since the last alarm: a problem that a department closed while the camera still sees
    it is reported again, and dispatch decides whether its case is still open. Surer evidence does not wait for that:
    it is reported, too, so that it joins what awaits verification. An alarm without a confidence passes the confidence
    test: dispatch decides whether its source is trusted.
    """
    if confidence is not None and confidence < terms.review_at:
        return Suppressed("alarm_below_confidence"), previous
    is_unsure = confidence is not None and confidence < terms.report_at
    stay, others = _extend(seen_at, previous, silence=timedelta(seconds=max(terms.refire_s, terms.dwell_s)))
    suppressed = _suppression(
        seen_at, stay, terms, is_surer=stay.is_unsure and confidence is not None and not is_unsure
    )
    if suppressed is not None:
        return suppressed, _newest(stay, others)
    # By the stay's end, which is later than this alarm if alarms arrived out of order.
    reported = replace(stay, reported_at=stay.last_seen, is_unsure=is_unsure)
    return BecomesReport(is_unsure), _newest(reported, others)


def _suppression(seen_at: datetime, stay: Stay, terms: EffectiveScreening, *, is_surer: bool) -> Suppressed | None:
    if stay.reported_at is not None and (seen_at - stay.reported_at).total_seconds() < terms.refire_s and not is_surer:
        return Suppressed("alarm_refired")
    if (stay.last_seen - stay.first_seen).total_seconds() < terms.dwell_s:
        return Suppressed("alarm_too_brief")
    return None


def _extend(seen_at: datetime, previous: Sighting, *, silence: timedelta) -> tuple[Stay, Sighting]:
    """Return the stay that an alarm belongs to, and the other ones. It may connect two that were apart."""
    near = [each for each in previous if each.first_seen - silence <= seen_at <= each.last_seen + silence]
    others = tuple([each for each in previous if each not in near])
    reports = [(each.reported_at, each.is_unsure) for each in near if each.reported_at is not None]
    reported_at, is_unsure = max(reports) if reports else (None, False)
    first_seen = min([seen_at, *(each.first_seen for each in near)])
    last_seen = max([seen_at, *(each.last_seen for each in near)])
    return Stay(first_seen, last_seen, reported_at, is_unsure), others


def _newest(stay: Stay, others: Sighting) -> Sighting:
    newest = sorted(others, key=lambda each: each.last_seen)[-(MAX_STAYS - 1) :]
    return tuple(sorted([*newest, stay], key=lambda each: each.last_seen))
