"""The four sources of the demo city: each sends what was planned, when it was planned, under its own key."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from .agenda import Agenda, Deed
from .calls import Face
from .plan import Planned


@dataclass(slots=True)
class Reporters:
    """Sends the day's reports; ``taken`` holds the ids of those that intake took, alarms apart."""

    faces: Mapping[str, Face]
    taken: set[str] = field(default_factory=set)
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
            self.taken.add((await face.post("/v1/photo-reports", files=parts))["report_id"])
        else:
            self.taken.add((await face.post("/v1/tickets", json=planned.body))["report_id"])
        self.sent += 1
