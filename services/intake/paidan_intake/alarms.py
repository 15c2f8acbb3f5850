"""Normalizes an alarm in its city, and builds the report or the outcome that it becomes. Pure."""

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from paidan_contracts import ids
from paidan_contracts.city import City
from paidan_contracts.outcomes import OutcomeDecided, Refusal
from paidan_contracts.pii_mask import MaskedText, mask
from paidan_contracts.reports import AlarmRaised, ReportReceived
from paidan_contracts.text_forms import clean
from paidan_intake.alarm_input import AlarmRecord
from paidan_intake.classification import Classified, classify
from paidan_intake.locations import Geocoded, geocode
from paidan_intake.notes import Note, make_note
from paidan_intake.occurrence import occurrence_time
from paidan_intake.report_digest import ReportDigest, digest_alarm
from paidan_intake.screening import AlarmSubject, SuppressionReason

SUPPRESSION_MESSAGES: Final[dict[SuppressionReason, tuple[str, str]]] = {
    "alarm_refired": ("the same subject was reported a moment ago", "同一目标刚刚已上报"),
    "alarm_below_confidence": ("below the confidence at which alarms are reviewed", "置信度低于告警进入复核所需的阈值"),
    "alarm_too_brief": ("not yet seen for long enough", "出现的持续时间还不够长"),
    "alarm_ignored": ("the city ignores this category", "本市忽略该告警类别，无需处置"),
}

UNKNOWN_PHOTO: Final = (
    "you uploaded no such photo; send it to /v1/photos first",
    "未找到您上传的该照片，请先提交到 /v1/photos",
)


@dataclass(frozen=True, slots=True)
class NormalizedAlarm:
    """An alarm with its class, location and masked texts."""

    alarm: AlarmRaised
    masked_alarm: AlarmRaised
    report_id: str
    digest: ReportDigest
    city: City
    classified: Classified
    geocoded: Geocoded
    text: MaskedText
    address: MaskedText
    category: MaskedText

    @property
    def subject(self) -> AlarmSubject:
        """Return the alarm's subject: by class where known, so that two categories of one class are one subject."""
        kind = self.classified.class_code or f"word:{self.category.text}"
        return AlarmSubject(self.alarm.source, self.alarm.camera, kind, self.alarm.region or "")

    def seen_at(self, recorded_at: datetime) -> datetime:
        """Return when it was seen: as the camera states, but not in the future, and not by a clock that was not set."""
        return min(_reported_time(self, recorded_at), recorded_at)

    def notes(self, now: datetime) -> tuple[Note, ...]:
        """Return what could not be determined, or was read otherwise."""
        place = self.geocoded.place
        _, time_note = occurrence_time(self.alarm.occurred_at, self.city.zone, now)
        candidates = (
            make_note("unknown_category") if self.classified.is_unknown else None,
            make_note("no_position") if place.raw is None else None,
            make_note(self.geocoded.position_problem) if self.geocoded.position_problem else None,
            time_note,
        )
        return tuple([each for each in candidates if each is not None])


def normalize_alarm(alarm: AlarmRaised, city: City) -> NormalizedAlarm:
    """Return an alarm normalized by the city's pack."""
    text, address = mask(alarm.text, terms=city.masking), mask(alarm.address or "", terms=city.masking)
    is_known = (alarm.source, alarm.category) in city.categories
    category = MaskedText(alarm.category) if is_known else mask(alarm.category, terms=city.masking)
    masked = {"category": category.text, "text": text.text, "address": address.text or None}
    masked_alarm = alarm.model_copy(update=masked)
    return NormalizedAlarm(
        alarm=alarm,
        masked_alarm=masked_alarm,
        report_id=ids.report_id(alarm.source, alarm.alarm_ref),
        digest=digest_alarm(alarm, masked_alarm, city.id, city.zone),
        city=city,
        classified=classify(city, alarm.source, alarm.category),
        geocoded=geocode(city, alarm.position, district=None, address=address.text or None),
        text=text,
        address=address,
        category=category,
    )


def build_report(normalized: NormalizedAlarm, recorded_at: datetime, *, verify_first: bool) -> ReportReceived:
    """Return the report that an alarm becomes."""
    alarm, city = normalized.alarm, normalized.city
    return ReportReceived(
        report_id=normalized.report_id,
        source=alarm.source,
        source_ref=clean(alarm.alarm_ref) or normalized.report_id,
        channel=city.sources[alarm.source].kind,
        city=city.id,
        area=normalized.geocoded.area,
        city_version=city.version,
        digest=normalized.digest.value,
        category=normalized.category.text,
        class_code=normalized.classified.class_code,
        row_id=normalized.classified.row_id,
        place=normalized.geocoded.place,
        text=normalized.text.text,
        photos=alarm.photos,
        confidence=alarm.confidence,
        camera=alarm.camera if city.trusts_cameras else None,
        verify_first=verify_first,
        occurred_at=_reported_time(normalized, recorded_at),
        recorded_at=recorded_at,
    )


def _reported_time(normalized: NormalizedAlarm, recorded_at: datetime) -> datetime:
    seen_at, _ = occurrence_time(normalized.alarm.occurred_at, normalized.city.zone, recorded_at)
    return recorded_at if seen_at is None else seen_at


def suppressed_outcome(normalized: NormalizedAlarm, reason: SuppressionReason, decided_at: datetime) -> OutcomeDecided:
    """Return the outcome of an alarm that becomes no report."""
    message, message_zh = SUPPRESSION_MESSAGES[reason]
    return OutcomeDecided(
        id=normalized.report_id,
        about="report",
        result="suppressed",
        why=Refusal(code=reason, message=message, message_zh=message_zh),
        area=normalized.geocoded.area,
        source=normalized.alarm.source,
        channel=normalized.city.sources[normalized.alarm.source].kind,
        recorded_at=decided_at,
        decided_at=decided_at,
    )


def id_reused_outcome(normalized: NormalizedAlarm, decided_at: datetime) -> OutcomeDecided:
    """Return the refusal of an alarm whose id another alarm has, under an id of its own: the first outcome remains."""
    refusal = Refusal(
        code="id_reused", field="alarm_ref", message="another alarm has this id", message_zh="该编号已被其他告警使用"
    )
    outcome_id = ids.reuse_refusal_id(normalized.report_id, normalized.digest.value)
    return _refused(outcome_id, refusal, of=normalized.report_id, decided_at=decided_at)


def not_your_source_outcome(alarm: AlarmRecord, decided_at: datetime) -> OutcomeDecided:
    """Return the refusal of an alarm on a topic that does not prove its source; the source's own id stays free."""
    topic = f"paidan.alarms.{alarm.source}"
    refusal = Refusal(
        code="not_your_source",
        field="source",
        message=f"alarms of this source are taken from {topic} alone",
        message_zh=f"该来源的告警只能经主题 {topic} 上报",
    )
    report_id = ids.report_id(alarm.source, alarm.alarm_ref)
    return _refused(ids.not_your_source_id(report_id), refusal, of=report_id, decided_at=decided_at)


def invalid_alarm_outcome(
    refusal: Refusal, *, source: str, alarm_ref: str | None, digest: str, decided_at: datetime
) -> OutcomeDecided:
    """Return the refusal of an alarm with an invalid field, under an id of its own: its own id stays unused.

    So it is accepted when it is sent again, corrected, under the same ``alarm_ref``. ``digest``: of the record's bytes.
    """
    report_id = ids.report_id(source, alarm_ref) if alarm_ref is not None else None
    return _refused(ids.invalid_alarm_id(source, digest), refusal, of=report_id, decided_at=decided_at)


def unknown_photo_refusal() -> Refusal:
    """Return the refusal of an alarm that names a photo its source did not upload."""
    message, message_zh = UNKNOWN_PHOTO
    return Refusal(code="unknown_photo", field="photos", message=message, message_zh=message_zh)


def unknown_origin_outcome(alarm: AlarmRecord, field: str, decided_at: datetime) -> OutcomeDecided:
    """Return the refusal of an alarm whose city is unknown (``city``), or has no such source (``source``).

    It has its own id, because the alarm can still be accepted: when it is sent or replayed after a pack with its source
    was published.
    """
    if field == "city":
        refusal = Refusal(
            code="unknown_city", field=field, message="the city cannot be determined", message_zh="无法确定所属城市"
        )
    else:
        refusal = Refusal(
            code="unknown_source", field=field, message="no city has this camera source", message_zh="没有此告警来源"
        )
    report_id = ids.report_id(alarm.source, alarm.alarm_ref)
    return _refused(ids.unknown_origin_id(report_id), refusal, of=report_id, decided_at=decided_at)


def _refused(outcome_id: str, refusal: Refusal, *, of: str | None, decided_at: datetime) -> OutcomeDecided:
    return OutcomeDecided(
        id=outcome_id, about="report", result="refused", why=refusal, repeats=of, decided_at=decided_at
    )
