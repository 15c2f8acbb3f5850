"""The four sources of the demo city: each sends its planned reports in time, with its own key."""

import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from paidan_deploy.demo.http_client import ServiceClient
from paidan_deploy.demo.plan import PlannedReport
from paidan_deploy.demo.scheduler import Scheduler, Task


@dataclass(frozen=True, slots=True)
class PendingReport:
    """A report that intake accepted: its due time by the city's clock, and the monotonic time of acceptance."""

    due: datetime
    accepted_s: float


@dataclass(slots=True)
class DemoSources:
    """Sends the day's reports; ``undecided`` are those that dispatch has not decided yet, without alarms."""

    clients: Mapping[str, ServiceClient]
    undecided: dict[str, PendingReport] = field(default_factory=dict)
    alarms: int = 0
    sent: int = 0

    def schedule(self, scheduler: Scheduler, reports: Sequence[PlannedReport]) -> None:
        """Schedule all reports of the day."""
        for planned in reports:
            scheduler.schedule(planned.at, self._send_task(planned))

    def _send_task(self, planned: PlannedReport) -> Task:
        async def send() -> None:
            await self._send(planned)

        return send

    async def _send(self, planned: PlannedReport) -> None:
        client = self.clients[planned.source]
        if planned.channel == "camera":
            await client.post("/v1/alarms/generic", json=planned.body)
            self.alarms += 1
        elif planned.photo is not None:
            parts = {
                "report": (None, json.dumps(planned.body, ensure_ascii=False), "application/json"),
                "photo": ("photo.jpg", planned.photo, "image/jpeg"),
            }
            self._record_accepted(await client.post("/v1/photo-reports", files=parts), planned)
        else:
            self._record_accepted(await client.post("/v1/tickets", json=planned.body), planned)
        self.sent += 1

    def _record_accepted(self, response: dict[str, Any], planned: PlannedReport) -> None:
        self.undecided[response["report_id"]] = PendingReport(planned.at, time.monotonic())
