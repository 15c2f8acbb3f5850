"""The four sources of the demo city: each sends what was planned, when it was planned, under its own key."""

import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from .http_client import Face
from .plan import Planned
from .scheduler import Agenda, Deed


@dataclass(frozen=True, slots=True)
class Taken:
    """A report that intake took: when it was due by the city's clock, and when it was taken by ours."""

    due: datetime
    taken_s: float


@dataclass(slots=True)
class Reporters:
    """Sends the day's reports; ``undecided`` are those that intake took and dispatch has not decided, alarms apart."""

    faces: Mapping[str, Face]
    undecided: dict[str, Taken] = field(default_factory=dict)
    alarms: int = 0
    sent: int = 0

    def note(self, agenda: Agenda, day: Sequence[Planned]) -> None:
        """Put the whole day on the agenda."""
        for planned in day:
            agenda.note(planned.at, self._deed(planned))

    def _deed(self, planned: Planned) -> Deed:
        async def send() -> None:
            await self._send(planned)

        return send

    async def _send(self, planned: Planned) -> None:
        face = self.faces[planned.source]
        if planned.channel == "camera":
            await face.post("/v1/alarms/generic", json=planned.body)
            self.alarms += 1
        elif planned.picture is not None:
            parts = {
                "report": (None, json.dumps(planned.body, ensure_ascii=False), "application/json"),
                "photo": ("photo.jpg", planned.picture, "image/jpeg"),
            }
            self._note_taken(await face.post("/v1/photo-reports", files=parts), planned)
        else:
            self._note_taken(await face.post("/v1/tickets", json=planned.body), planned)
        self.sent += 1

    def _note_taken(self, answer: dict[str, Any], planned: Planned) -> None:
        self.undecided[answer["report_id"]] = Taken(planned.at, time.monotonic())
