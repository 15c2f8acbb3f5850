"""Plans every report of a demo day: who sends what, and when. Pure."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from random import Random
from typing import Any, Final

from paidan_contracts.city.city import City
from paidan_contracts.wire import Channel
from paidan_deploy.demo.arrivals import LAST_REPORT_S
from paidan_deploy.demo.incidents import Incident, IncidentGenerator, jitter_position
from paidan_deploy.demo.pictures import draw_photo
from paidan_deploy.demo.residents import random_resident, report_text

# Shares of one city's hotline in a week of 2024: 咨询, 求助, 建议, 投诉举报, 感谢, 其他.
_MATTER_WEIGHTS: Final = {
    "consultation": 47.09,
    "help": 30.30,
    "suggestion": 14.75,
    "complaint": 3.31,
    "tip_off": 2.00,
    "praise": 0.32,
    "other": 2.22,
}
_HUMAN_CHANNELS: Final[tuple[Channel, ...]] = ("hotline", "photo", "patrol")
_REPEAT_SHARE: Final = 0.2
_PROMISED_EVERY: Final = 5
"""Of the seconds in which a hotline's callers report: it promises them an end."""
_NO_POSITION_SHARE: Final = 0.05
_CAMERA_COUNT: Final = 60


@dataclass(frozen=True, slots=True)
class PlannedReport:
    """A report or alarm that a source will send at a moment of the city's time."""

    at: datetime
    source: str
    channel: Channel
    body: dict[str, Any]
    photo: bytes | None = None


@dataclass(frozen=True, slots=True)
class DaySize:
    """How many incidents each channel is the first to report."""

    incidents_by_channel: dict[Channel, int] = field(
        default_factory=lambda: {"hotline": 880, "photo": 450, "camera": 130, "patrol": 460}
    )


def plan_day(city: City, day: date, size: DaySize, *, seed: int) -> list[PlannedReport]:
    """Return every report of a day in order of time. Deterministic for a city, day and seed."""
    rng = Random(f"{city.id} {day.isoformat()} {seed}")  # noqa: S311  # a demonstration, not a secret
    generator = IncidentGenerator(city, _CAMERA_COUNT, rng)
    writer = _ReportWriter(city, day, rng)
    planned: list[PlannedReport] = []
    for channel, count in size.incidents_by_channel.items():
        for _ in range(count):
            incident = generator.generate(rng, channel)
            planned += writer.reports(channel, incident)
            if rng.random() < _REPEAT_SHARE:
                planned += writer.repeat_reports(channel, incident)
    return sorted(planned, key=lambda report: report.at)


class _ReportWriter:
    """Writes reports of incidents as each source does."""

    def __init__(self, city: City, day: date, rng: Random) -> None:
        self._midnight = datetime.combine(day, time(), city.zone)
        self._rng = rng
        self._sources = {source.kind: source.id for source in reversed(tuple(city.sources.values()))}
        self._departments = sorted(city.departments)
        self._count = 0

    def reports(self, channel: Channel, incident: Incident) -> Iterator[PlannedReport]:
        """Yield what one source sends about an incident: one report, or a camera's repeated alarms."""
        match channel:
            case "camera":
                yield from self._alarms(incident)
            case "photo":
                yield self._photo_report(incident)
            case _:
                yield self._ticket(channel, incident)

    def repeat_reports(self, first: Channel, incident: Incident) -> Iterator[PlannedReport]:
        """Yield reports of the same incident by one to three others within half an hour, a few metres off."""
        others = [kind for kind in _HUMAN_CHANNELS if incident.vocabulary.words_by_channel.get(kind)]
        for _ in range(self._rng.randrange(1, 4) if others else 0):
            at = jitter_position(self._rng, (incident.latitude, incident.longitude), 12)
            second = min(incident.second + self._rng.uniform(60, 1800), LAST_REPORT_S)
            other = Incident(second, *at, incident.vocabulary, None)
            yield from self.reports(self._rng.choice([kind for kind in others if kind != first] or others), other)

    def _time_at(self, second: float) -> datetime:
        return self._midnight + timedelta(seconds=second)

    def _next_ref(self, channel: str) -> str:
        self._count += 1
        return f"{channel}-{self._midnight:%Y%m%d}-{self._count:05d}"

    def _category_word(self, channel: Channel, incident: Incident) -> str:
        return self._rng.choice(incident.vocabulary.words_by_channel[channel])

    def _ticket(self, channel: Channel, incident: Incident) -> PlannedReport:
        resident = random_resident(self._rng)
        matter = (
            self._rng.choices(list(_MATTER_WEIGHTS), list(_MATTER_WEIGHTS.values()))[0]
            if channel == "hotline"
            else "tip_off"
        )
        body: dict[str, Any] = {
            "source_ref": self._next_ref(channel),
            "matter": matter,
            "category": self._category_word(channel, incident),
            "text": report_text(self._rng, incident.vocabulary.name, matter, resident),
            "occurred_at": self._time_at(incident.second).isoformat(),
        }
        if self._rng.random() > _NO_POSITION_SHARE:
            body["position"] = {"x": incident.longitude, "y": incident.latitude, "crs": "wgs84"}
        if matter == "complaint" and self._count % 3 == 0:
            body["complained_of"] = self._departments[self._count % len(self._departments)]
        if channel == "hotline":
            body["reporter"] = {"name": resident.name, "phone": resident.phone}
            body["wants_callback"] = True
            if int(incident.second) % _PROMISED_EVERY == 0:
                body["promised_by"] = (self._time_at(incident.second) + timedelta(hours=6)).isoformat()
        return PlannedReport(self._time_at(incident.second), self._sources[channel], channel, body)

    def _photo_report(self, incident: Incident) -> PlannedReport:
        resident = random_resident(self._rng)
        body = {
            "source_ref": self._next_ref("photo"),
            "category": self._category_word("photo", incident),
            "text": report_text(self._rng, incident.vocabulary.name, "tip_off", resident),
            "occurred_at": self._time_at(incident.second).isoformat(),
            "wants_callback": True,
        }
        picture = draw_photo(self._rng, incident.latitude, incident.longitude)
        return PlannedReport(self._time_at(incident.second), self._sources["photo"], "photo", body, picture)

    def _alarms(self, incident: Incident) -> Iterator[PlannedReport]:
        category, region = self._category_word("camera", incident), f"r{self._rng.randrange(4)}"
        confidence = round(self._rng.uniform(0.35, 0.99), 3)
        alarm_count = self._rng.randrange(3, 9)
        for number in range(alarm_count):
            second = min(incident.second + number * 60, LAST_REPORT_S)
            body = {
                "alarm_ref": self._next_ref("camera"),
                "camera": f"cam-{incident.camera:03d}",
                "category": category,
                "region": region,
                "confidence": confidence,
                "position": {"x": incident.longitude, "y": incident.latitude, "crs": "wgs84"},
                "occurred_at": self._time_at(second).isoformat(),
            }
            yield PlannedReport(self._time_at(second), self._sources["camera"], "camera", body)
