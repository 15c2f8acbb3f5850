"""Who reports what, and when, on one day of the demo city: the whole day, made before it is played. Pure."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from random import Random
from typing import Any, Final

from paidan_contracts.city.city import City
from paidan_contracts.wire import Channel

from .arrivals import LAST_S
from .incidents import Incident, Town, nearby
from .pictures import photograph
from .residents import anybody, words

# Shares of one city's hotline in a week of 2024: 咨询, 求助, 建议, 投诉举报, 感谢, 其他.
_MATTERS: Final = {
    "consultation": 47.09,
    "help": 30.30,
    "suggestion": 14.75,
    "complaint": 3.31,
    "tip_off": 2.00,
    "praise": 0.32,
    "other": 2.22,
}
_PEOPLE: Final[tuple[Channel, ...]] = ("hotline", "photo", "patrol")
_AGAIN: Final = 0.2
_NO_POSITION: Final = 0.05
_CAMERAS: Final = 60


@dataclass(frozen=True, slots=True)
class Planned:
    """Something that a source will send at a moment of the city's time."""

    at: datetime
    source: str
    channel: Channel
    body: dict[str, Any]
    picture: bytes | None = None


@dataclass(frozen=True, slots=True)
class Size:
    """How many incidents each channel is the first to see."""

    first_seen: dict[Channel, int] = field(
        default_factory=lambda: {"hotline": 880, "photo": 450, "camera": 130, "patrol": 460}
    )


def plan(city: City, day: date, size: Size, *, seed: int) -> list[Planned]:
    """Make a day: every report in the order of its time. The same city, day and seed give the same day."""
    chance = Random(f"{city.id} {day.isoformat()} {seed}")  # noqa: S311  # a demonstration, not a secret
    town = Town(city, _CAMERAS, chance)
    writer = _Writer(city, day, chance)
    planned: list[Planned] = []
    for channel, many in size.first_seen.items():
        for _ in range(many):
            incident = town.incident(chance, channel)
            planned += writer.reports(channel, incident)
            if chance.random() < _AGAIN:
                planned += writer.seen_again(channel, incident)
    return sorted(planned, key=lambda one: one.at)


class _Writer:
    """Writes incidents down as each source does."""

    def __init__(self, city: City, day: date, chance: Random) -> None:
        self._midnight = datetime.combine(day, time(), city.zone)
        self._chance = chance
        self._sources = {source.kind: source.id for source in reversed(tuple(city.sources.values()))}
        self._count = 0

    def reports(self, channel: Channel, incident: Incident) -> Iterator[Planned]:
        """Write what one source sends of an incident: one report or, from a camera, one for each time it looks."""
        match channel:
            case "camera":
                yield from self._alarms(incident)
            case "photo":
                yield self._photo(incident)
            case _:
                yield self._ticket(channel, incident)

    def seen_again(self, first: Channel, incident: Incident) -> Iterator[Planned]:
        """Let one to three others see the same thing within the half-hour, a few metres off."""
        others = [kind for kind in _PEOPLE if incident.spoken.words.get(kind)]
        for _ in range(self._chance.randrange(1, 4) if others else 0):
            at = nearby(self._chance, (incident.latitude, incident.longitude), 12)
            second = min(incident.second + self._chance.uniform(60, 1800), LAST_S)
            other = Incident(second, *at, incident.spoken, None)
            yield from self.reports(self._chance.choice([kind for kind in others if kind != first] or others), other)

    def _at(self, second: float) -> datetime:
        return self._midnight + timedelta(seconds=second)

    def _ref(self, channel: str) -> str:
        self._count += 1
        return f"{channel}-{self._midnight:%Y%m%d}-{self._count:05d}"

    def _word(self, channel: Channel, incident: Incident) -> str:
        return self._chance.choice(incident.spoken.words[channel])

    def _ticket(self, channel: Channel, incident: Incident) -> Planned:
        person = anybody(self._chance)
        matter = self._chance.choices(list(_MATTERS), list(_MATTERS.values()))[0] if channel == "hotline" else "tip_off"
        body: dict[str, Any] = {
            "source_ref": self._ref(channel),
            "matter": matter,
            "category": self._word(channel, incident),
            "text": words(self._chance, incident.spoken.name, matter, person),
            "occurred_at": self._at(incident.second).isoformat(),
        }
        if self._chance.random() > _NO_POSITION:
            body["position"] = {"x": incident.longitude, "y": incident.latitude, "crs": "wgs84"}
        if channel == "hotline":
            body["reporter"] = {"name": person.name, "phone": person.phone}
            body["wants_callback"] = True
        return Planned(self._at(incident.second), self._sources[channel], channel, body)

    def _photo(self, incident: Incident) -> Planned:
        person = anybody(self._chance)
        body = {
            "source_ref": self._ref("photo"),
            "category": self._word("photo", incident),
            "text": words(self._chance, incident.spoken.name, "tip_off", person),
            "occurred_at": self._at(incident.second).isoformat(),
            "wants_callback": True,
        }
        picture = photograph(self._chance, incident.latitude, incident.longitude)
        return Planned(self._at(incident.second), self._sources["photo"], "photo", body, picture)

    def _alarms(self, incident: Incident) -> Iterator[Planned]:
        category, region = self._word("camera", incident), f"r{self._chance.randrange(4)}"
        confidence = round(self._chance.uniform(0.35, 0.99), 3)
        looks = self._chance.randrange(3, 9)
        for look in range(looks):
            second = min(incident.second + look * 60, LAST_S)
            body = {
                "alarm_ref": self._ref("camera"),
                "camera": f"cam-{incident.camera:03d}",
                "category": category,
                "region": region,
                "confidence": confidence,
                "position": {"x": incident.longitude, "y": incident.latitude, "crs": "wgs84"},
                "occurred_at": self._at(second).isoformat(),
            }
            yield Planned(self._at(second), self._sources["camera"], "camera", body)
