"""Incidents of a day in the city: class, position and time, before anybody reports them. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import cos, radians
from random import Random
from typing import Final

from paidan_contracts.city.city import City
from paidan_contracts.city.geography import Grid, GridRun
from paidan_deploy.demo.arrivals import burst_second, ordinary_second

METRES_PER_DEGREE: Final = 111_320.0
_BURST_SHARE: Final = 0.09


@dataclass(frozen=True, slots=True)
class ClassVocabulary:
    """A class, and the words for it in the sources of each channel."""

    class_code: str
    name: str
    words_by_channel: Mapping[str, Sequence[str]]


@dataclass(frozen=True, slots=True)
class Incident:
    """One incident; ``second`` counts from midnight."""

    second: float
    latitude: float
    longitude: float
    vocabulary: ClassVocabulary
    camera: int | None


class IncidentGenerator:
    """Generates incidents from a city pack's grid and vocabulary."""

    def __init__(self, city: City, cameras: int, rng: Random) -> None:
        """Place the cameras. Raises ``ValueError`` for a city without a unit grid."""
        grid = city.pack.geography.grid
        if grid is None:
            raise ValueError(f"{city.id} has no unit grid")
        self._grid = grid
        self._weights = [run.end - run.begin for run in grid.runs]
        self.vocabularies = class_vocabularies(city)
        self.camera_positions = [self.random_position(rng) for _ in range(cameras)]

    def random_position(self, rng: Random) -> tuple[float, float]:
        """Pick a position in a cell of the city, never within 10 % of the cell's border."""
        run = rng.choices(self._grid.runs, self._weights)[0]
        return _position_in_run(self._grid, run, rng)

    def generate(self, rng: Random, channel: str) -> Incident:
        """Generate an incident of a class that a source of this channel has a word for."""
        candidates = [each for each in self.vocabularies if each.words_by_channel.get(channel)]
        in_burst = rng.random() < _BURST_SHARE
        vocabulary = (
            _flooding_class(candidates)
            if in_burst
            else rng.choices(candidates, [_frequency(each) for each in candidates])[0]
        )
        camera = rng.randrange(len(self.camera_positions)) if channel == "camera" else None
        latitude, longitude = self.random_position(rng) if camera is None else self.camera_positions[camera]
        second = burst_second(rng) if in_burst else ordinary_second(rng)
        return Incident(second, latitude, longitude, vocabulary or rng.choice(candidates), camera)


def jitter_position(rng: Random, at: tuple[float, float], metres: float) -> tuple[float, float]:
    """Move a position by up to so many metres in each direction, as two telephones differ."""
    latitude, longitude = at
    north, east = rng.uniform(-metres, metres), rng.uniform(-metres, metres)
    return (
        round(latitude + north / METRES_PER_DEGREE, 6),
        round(longitude + east / (METRES_PER_DEGREE * cos(radians(latitude))), 6),
    )


def class_vocabularies(city: City) -> list[ClassVocabulary]:
    """Return the classes that some source has a word for, with the words by channel."""
    channels = {source.id: source.kind for source in city.sources.values()}
    words_by_class: dict[str, dict[str, list[str]]] = {}
    for entry in city.pack.catalogue.categories:
        if entry.class_code:
            by_channel = words_by_class.setdefault(entry.class_code, {})
            by_channel.setdefault(channels.get(entry.source, entry.source), []).append(entry.word)
    return [
        ClassVocabulary(code, city.classes[code].names.zh, by_channel)
        for code, by_channel in sorted(words_by_class.items())
    ]


def _position_in_run(grid: Grid, run: GridRun, rng: Random) -> tuple[float, float]:
    row, column = run.row + rng.uniform(0.1, 0.9), rng.randrange(run.begin, run.end) + rng.uniform(0.1, 0.9)
    return round(grid.north - row * grid.cell_height, 6), round(grid.west + column * grid.cell_width, 6)


def _frequency(vocabulary: ClassVocabulary) -> int:
    """Weigh classes by how many channels have words for them."""
    return 1 + 2 * len(vocabulary.words_by_channel)


def _flooding_class(candidates: Sequence[ClassVocabulary]) -> ClassVocabulary | None:
    return next(
        (vocabulary for vocabulary in candidates if "积水" in vocabulary.name or "排水" in vocabulary.name), None
    )
