"""Random reports as the demo city's hotline and patrols write them, each opening a case. No I/O."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from random import Random
from typing import Any, Final

from paidan_chassis.kafka.message import Message
from paidan_contracts import ids
from paidan_contracts.city.city import City
from paidan_contracts.city.geography import Grid
from paidan_contracts.wire import Channel
from paidan_deploy.demo.incidents import ClassVocabulary, class_vocabularies, jitter_position
from paidan_deploy.demo.residents import random_resident, report_text
from paidan_intake.messages import report_message
from paidan_intake.normalization import NormalizedReport, Sender, normalize
from paidan_intake.report_digest import DigestKeys
from paidan_intake.tickets import Ticket

CHANNELS: Final[dict[Channel, float]] = {"hotline": 0.6, "patrol": 0.4}
# One report of a class in every other cell of 100 m, near its centre, so that none matches another within 100 m.
CELL_STEP: Final = 2
DIGEST_KEYS: Final = DigestKeys(b"digests of benches")
MAX_OFFSET_M: Final = 20
NO_POSITION_SHARE: Final = 0.05
MATTERS: Final = ("help", "complaint", "suggestion", "tip_off", "consultation")


@dataclass(frozen=True, slots=True)
class SourceReport:
    """A report as its source writes it, and the id that intake will derive."""

    source: str
    report_id: str
    body: dict[str, Any]

    @property
    def json(self) -> str:
        return json.dumps(self.body, ensure_ascii=False, separators=(",", ":"))


class ReportStream:
    """A stream of reports; the same seed yields the same ones."""

    def __init__(self, city: City, *, seed: int) -> None:
        grid = city.pack.geography.grid
        if grid is None:
            raise ValueError(f"{city.id} has no unit grid")
        self._city = city
        self._rng = Random(seed)  # noqa: S311 - test data, not a secret
        self._sources = {source.kind: source.id for source in reversed(tuple(city.sources.values()))}
        self._reports = self._generate(grid, seed)

    @property
    def sources(self) -> Sequence[str]:
        """Return the sources of the reports."""
        return [self._sources[channel] for channel in CHANNELS]

    def reports(self, count: int, at: datetime) -> list[SourceReport]:
        """Return the next reports, as seen at this moment."""
        return [
            SourceReport(each.source, each.report_id, each.body | {"occurred_at": at.isoformat()})
            for each in islice(self._reports, count)
        ]

    def messages(self, count: int, at: datetime) -> list[Message]:
        """Return the next reports as intake would publish them to the inbox."""
        senders = {name: Sender(self._city.sources[name], self._city) for name in self.sources}
        messages = []
        for each in self.reports(count, at):
            draft = normalize(Ticket.model_validate(each.body), senders[each.source], at, digest_keys=DIGEST_KEYS)
            if not isinstance(draft, NormalizedReport):
                raise TypeError(f"intake would refuse it: {draft}")
            messages.append(report_message(draft.report))
        return messages

    def _generate(self, grid: Grid, seed: int) -> Iterator[SourceReport]:
        rows = [run for run in grid.runs if run.row % CELL_STEP == 0]
        cells = [(run.row, column) for run in rows for column in range(run.begin, run.end) if column % CELL_STEP == 0]
        candidates = [
            (cell, vocabulary)
            for vocabulary in class_vocabularies(self._city)
            for cell in cells
            if _has_words(vocabulary)
        ]
        self._rng.shuffle(candidates)
        for number, ((row, column), vocabulary) in enumerate(candidates):
            center = grid.north - (row + 0.5) * grid.cell_height, grid.west + (column + 0.5) * grid.cell_width
            yield self._report(f"bench-{seed}-{number}", center, vocabulary)
        raise RuntimeError("the city has no cells left for more cases")

    def _report(self, ref: str, center: tuple[float, float], vocabulary: ClassVocabulary) -> SourceReport:
        rng = self._rng
        channels = [each for each in CHANNELS if vocabulary.words_by_channel.get(each)]
        channel = rng.choices(channels, [CHANNELS[each] for each in channels])[0]
        resident = random_resident(rng)
        matter = rng.choice(MATTERS) if channel == "hotline" else "tip_off"
        body: dict[str, Any] = {
            "source_ref": ref,
            "matter": matter,
            "category": rng.choice(vocabulary.words_by_channel[channel]),
            "text": report_text(rng, vocabulary.name, matter, resident),
        }
        if rng.random() > NO_POSITION_SHARE:
            latitude, longitude = jitter_position(rng, center, MAX_OFFSET_M)
            body["position"] = {"x": longitude, "y": latitude, "crs": "wgs84"}
        if channel == "hotline":
            body["reporter"] = {"name": resident.name, "phone": resident.phone}
            body["wants_callback"] = True
        source = self._sources[channel]
        return SourceReport(source, ids.report_id(source, ref), body)


def _has_words(vocabulary: ClassVocabulary) -> bool:
    return any(vocabulary.words_by_channel.get(each) for each in CHANNELS)
