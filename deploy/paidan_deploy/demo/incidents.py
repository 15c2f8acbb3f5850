"""What happens in the city on one day: things at places, before anybody reports them. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import cos, radians
from random import Random
from typing import Final

from paidan_contracts.city.city import City
from paidan_contracts.city.geography import Grid, Run

from .arrivals import burst_second, ordinary_second

METRES_A_DEGREE: Final = 111_320.0
_BURST_SHARE: Final = 0.09


@dataclass(frozen=True, slots=True)
class Spoken:
    """A class, and what each channel's sources call it."""

    class_code: str
    name: str
    words: Mapping[str, Sequence[str]]


@dataclass(frozen=True, slots=True)
class Incident:
    """One thing that is wrong at one place from one moment on; seconds count from the day's beginning."""

    second: float
    latitude: float
    longitude: float
    spoken: Spoken
    camera: int | None


class Town:
    """The parts of a city pack that a day is made from."""

    def __init__(self, city: City, cameras: int, chance: Random) -> None:
        """Place the cameras. Raises ``ValueError`` for a city without a unit grid: it has nowhere to be wrong."""
        grid = city.pack.geography.grid
        if grid is None:
            raise ValueError(f"{city.id} has no unit grid")
        self._grid = grid
        self._weights = [run.end - run.begin for run in grid.runs]
        self.spoken = spoken_classes(city)
        self.cameras = [self.anywhere(chance) for _ in range(cameras)]

    def anywhere(self, chance: Random) -> tuple[float, float]:
        """Pick a position in some cell of the city, never within 10 % of the cell's border."""
        run = chance.choices(self._grid.runs, self._weights)[0]
        return _within(self._grid, run, chance)

    def incident(self, chance: Random, channel: str) -> Incident:
        """Let something go wrong that a source of this channel has a word for."""
        fitting = [spoken for spoken in self.spoken if spoken.words.get(channel)]
        burst = chance.random() < _BURST_SHARE
        spoken = _soaked(fitting) if burst else chance.choices(fitting, [_frequency(each) for each in fitting])[0]
        camera = chance.randrange(len(self.cameras)) if channel == "camera" else None
        latitude, longitude = self.anywhere(chance) if camera is None else self.cameras[camera]
        second = burst_second(chance) if burst else ordinary_second(chance)
        return Incident(second, latitude, longitude, spoken or chance.choice(fitting), camera)


def nearby(chance: Random, at: tuple[float, float], metres: float) -> tuple[float, float]:
    """Move a position by up to so many metres north or south and east or west, as two telephones differ."""
    latitude, longitude = at
    north, east = chance.uniform(-metres, metres), chance.uniform(-metres, metres)
    return (
        round(latitude + north / METRES_A_DEGREE, 6),
        round(longitude + east / (METRES_A_DEGREE * cos(radians(latitude))), 6),
    )


def spoken_classes(city: City) -> list[Spoken]:
    """List the classes that some source has a word for, with the words by channel."""
    channels = {source.id: source.kind for source in city.sources.values()}
    words: dict[str, dict[str, list[str]]] = {}
    for entry in city.pack.catalogue.categories:
        if entry.class_code:
            by_channel = words.setdefault(entry.class_code, {})
            by_channel.setdefault(channels.get(entry.source, entry.source), []).append(entry.word)
    return [Spoken(code, city.classes[code].names.zh, by_channel) for code, by_channel in sorted(words.items())]


def _within(grid: Grid, run: Run, chance: Random) -> tuple[float, float]:
    row, column = run.row + chance.uniform(0.1, 0.9), chance.randrange(run.begin, run.end) + chance.uniform(0.1, 0.9)
    return round(grid.north - row * grid.cell_height, 6), round(grid.west + column * grid.cell_width, 6)


def _frequency(spoken: Spoken) -> int:
    """What many sources have words for is what happens often."""
    return 1 + 2 * len(spoken.words)


def _soaked(fitting: Sequence[Spoken]) -> Spoken | None:
    return next((spoken for spoken in fitting if "积水" in spoken.name or "排水" in spoken.name), None)
