"""Reports as the demo city's hotline and patrols write them, each of a case of its own. No I/O."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from random import Random
from typing import Any, Final

from paidan_chassis.consumer.records import Message
from paidan_contracts import ids
from paidan_contracts.city.city import City
from paidan_contracts.city.geography import Grid
from paidan_contracts.wire import Channel
from paidan_deploy.demo.incidents import Spoken, nearby, spoken_classes
from paidan_deploy.demo.residents import anybody, words
from paidan_intake.api.models import Ticket
from paidan_intake.messages import report_message
from paidan_intake.normalization import Draft, Sender, receive

CHANNELS: Final[dict[Channel, float]] = {"hotline": 0.6, "patrol": 0.4}
# Of one class there is one report in every other cell of 100 m, near its middle: matching reaches 100 m at most.
EVERY_OTHER: Final = 2
OFF_THE_MIDDLE_M: Final = 20
NO_POSITION: Final = 0.05
MATTERS: Final = ("help", "complaint", "suggestion", "tip_off", "consultation")


@dataclass(frozen=True, slots=True)
class Written:
    """A report as its source writes it, and the id that it will have."""

    source: str
    report_id: str
    body: dict[str, Any]

    @property
    def json(self) -> str:
        return json.dumps(self.body, ensure_ascii=False, separators=(",", ":"))


class Traffic:
    """An endless stream of reports; the same seed writes the same ones."""

    def __init__(self, city: City, *, seed: int) -> None:
        grid = city.pack.geography.grid
        if grid is None:
            raise ValueError(f"{city.id} has no unit grid")
        self._city = city
        self._chance = Random(seed)  # noqa: S311 - traffic, not a secret
        self._sources = {source.kind: source.id for source in reversed(tuple(city.sources.values()))}
        self._written = self._write(grid, seed)

    @property
    def sources(self) -> Sequence[str]:
        """Name the sources that report."""
        return [self._sources[channel] for channel in CHANNELS]

    def reports(self, count: int, at: datetime) -> list[Written]:
        """Write the next reports, as things seen at this moment."""
        return [
            Written(each.source, each.report_id, each.body | {"occurred_at": at.isoformat()})
            for each in islice(self._written, count)
        ]

    def messages(self, count: int, at: datetime) -> list[Message]:
        """Write the next reports as intake would put them into the inbox."""
        senders = {name: Sender(self._city.sources[name], self._city) for name in self.sources}
        messages = []
        for each in self.reports(count, at):
            draft = receive(Ticket.model_validate(each.body), senders[each.source], at)
            if not isinstance(draft, Draft):
                raise TypeError(f"intake would refuse it: {draft}")
            messages.append(report_message(draft.report))
        return messages

    def _write(self, grid: Grid, seed: int) -> Iterator[Written]:
        rows = [run for run in grid.runs if run.row % EVERY_OTHER == 0]
        cells = [(run.row, column) for run in rows for column in range(run.begin, run.end) if column % EVERY_OTHER == 0]
        spots = [(cell, spoken) for spoken in spoken_classes(self._city) for cell in cells if _speakable(spoken)]
        self._chance.shuffle(spots)
        for number, ((row, column), spoken) in enumerate(spots):
            middle = grid.north - (row + 0.5) * grid.cell_height, grid.west + (column + 0.5) * grid.cell_width
            yield self._report(f"bench-{seed}-{number}", middle, spoken)
        raise RuntimeError("the city has no room for more cases")

    def _report(self, ref: str, middle: tuple[float, float], spoken: Spoken) -> Written:
        chance = self._chance
        channels = [each for each in CHANNELS if spoken.words.get(each)]
        channel = chance.choices(channels, [CHANNELS[each] for each in channels])[0]
        person = anybody(chance)
        matter = chance.choice(MATTERS) if channel == "hotline" else "tip_off"
        body: dict[str, Any] = {
            "source_ref": ref,
            "matter": matter,
            "category": chance.choice(spoken.words[channel]),
            "text": words(chance, spoken.name, matter, person),
        }
        if chance.random() > NO_POSITION:
            latitude, longitude = nearby(chance, middle, OFF_THE_MIDDLE_M)
            body["position"] = {"x": longitude, "y": latitude, "crs": "wgs84"}
        if channel == "hotline":
            body["reporter"] = {"name": person.name, "phone": person.phone}
            body["wants_callback"] = True
        source = self._sources[channel]
        return Written(source, ids.report_id(source, ref), body)


def _speakable(spoken: Spoken) -> bool:
    return any(spoken.words.get(each) for each in CHANNELS)
