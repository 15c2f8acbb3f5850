"""What an alarm says, as its city reads it, and the report or the outcome that it becomes. Pure."""

import hashlib
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from paidan_contracts import ids
from paidan_contracts.city import City
from paidan_contracts.masking import Masked, mask
from paidan_contracts.outcomes import OutcomeDecided, Why
from paidan_contracts.reports import AlarmRaised, ReportReceived
from paidan_intake.classification import Classified, classify
from paidan_intake.geocoding import Placed, place
from paidan_intake.screening import Cause, Subject

WHY: Final[dict[Cause, tuple[str, str]]] = {
    "alarm_refired": ("the same thing was reported a moment ago", "同一目标短时间内已上报"),
    "alarm_below_confidence": ("below the confidence from which alarms are looked at", "置信度低于受理阈值"),
    "alarm_too_brief": ("not yet seen for long enough", "持续时间不足"),
    "alarm_ignored": ("the city asks for nothing where this is seen", "该告警类型无需处置"),
}


@dataclass(frozen=True, slots=True)
class ReadAlarm:
    """An alarm as its city reads it."""

    alarm: AlarmRaised
    report_id: str
    digest: str
    city: City
    kind: Classified
    placed: Placed
    text: Masked
    address: Masked

    @property
    def subject(self) -> Subject:
        """Name what keeps firing: by class where the city knows it, so that two words for one thing are one."""
        kind = self.kind.class_code or f"word:{self.alarm.category}"
        return Subject(self.alarm.source, self.alarm.camera, kind, self.alarm.region or "")

    def seen_at(self, recorded_at: datetime) -> datetime:
        """Say when it was seen: as the camera claims, but not in the future."""
        return min(self.alarm.occurred_at, recorded_at)


def read_alarm(alarm: AlarmRaised, city: City) -> ReadAlarm:
    """Read an alarm with the city's words and on the city's ground."""
    text, address = mask(alarm.text), mask(alarm.address or "")
    return ReadAlarm(
        alarm=alarm,
        report_id=ids.report_id(alarm.source, alarm.alarm_ref),
        digest=digest(alarm, city.id),
        city=city,
        kind=classify(city, alarm.source, alarm.category),
        placed=place(city, alarm.position, district=None, address=address.text or None),
        text=text,
        address=address,
    )


def digest(alarm: AlarmRaised, city: str) -> str:
    """Fingerprint what the camera said; who it came from is part of the id."""
    said = alarm.model_dump_json(exclude_defaults=True, exclude={"source", "city"}).encode()
    return hashlib.sha256(b"\n".join([city.encode(), said])).hexdigest()


def reported(read: ReadAlarm, recorded_at: datetime, *, verify_first: bool) -> ReportReceived:
    """Make the report that an alarm becomes."""
    alarm, city = read.alarm, read.city
    return ReportReceived(
        report_id=read.report_id,
        source=alarm.source,
        source_ref=alarm.alarm_ref,
        channel=city.sources[alarm.source].kind,
        city=city.id,
        area=read.placed.area,
        city_version=city.version,
        digest=read.digest,
        category=alarm.category,
        class_code=read.kind.class_code,
        row_id=read.kind.row_id,
        place=read.placed.place,
        text=read.text.text,
        photos=alarm.photos,
        confidence=alarm.confidence,
        verify_first=verify_first,
        occurred_at=alarm.occurred_at,
        recorded_at=recorded_at,
    )


def suppressed(read: ReadAlarm, cause: Cause, decided_at: datetime) -> OutcomeDecided:
    """Make the outcome of an alarm that becomes no report."""
    message, message_zh = WHY[cause]
    return OutcomeDecided(
        id=read.report_id,
        about="report",
        result="suppressed",
        why=Why(code=cause, message=message, message_zh=message_zh),
        area=read.placed.area,
        decided_at=decided_at,
    )


def reused(read: ReadAlarm, decided_at: datetime) -> OutcomeDecided:
    """Refuse an alarm whose id is taken by another, under an id of its own: the first one's end stands."""
    why = Why(
        code="id_reused", field="alarm_ref", message="another alarm had this id", message_zh="该编号已被其他告警使用"
    )
    own = ids.reused_id(read.report_id, read.digest)
    return OutcomeDecided(
        id=own, about="report", result="refused", why=why, repeats=read.report_id, decided_at=decided_at
    )


def homeless(alarm: AlarmRaised, field: str, decided_at: datetime) -> OutcomeDecided:
    """Refuse an alarm of which nobody can tell the city (``city``), or whose city does not know it (``source``).

    Under an id of its own, or the alarm would have two ends: it is taken when it comes again, or is replayed, after a
    pack was published that knows it.
    """
    if field == "city":
        why = Why(code="unknown_city", field=field, message="no city can be told", message_zh="无法确定所属城市")
    else:
        why = Why(
            code="unknown_source", field=field, message="no city has this camera source", message_zh="没有此告警来源"
        )
    own = ids.report_id(alarm.source, alarm.alarm_ref)
    return OutcomeDecided(
        id=ids.homeless_id(own), about="report", result="refused", why=why, repeats=own, decided_at=decided_at
    )
