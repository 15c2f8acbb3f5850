"""The system: which services answer, what stands halted and what it needs, dead letters with redrive and drop."""

import asyncio
import re
from dataclasses import dataclass
from typing import Any, Final

from starlette.responses import Response
from starlette.routing import BaseRoute

from paidan_cockpit.pages.city_view import open_city
from paidan_cockpit.pages.site import Site, see_other
from paidan_cockpit.pages.visit import PageRefused, Visit
from paidan_cockpit.services_client import SERVICE_NAMES, ServiceAnswer, ServiceName, ServiceUnavailable

_LETTER: Final = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_HALT: Final = re.compile(r"[0-9]{1,18}")
_RESUME_FROM: Final = frozenset({"kept", "start", "end"})
_SHOWN_LETTERS: Final = 50


@dataclass(frozen=True, slots=True)
class ServiceCondition:
    """What a service answered about itself; ``may_operate`` is None while it does not answer."""

    name: ServiceName
    ready: bool | None
    waits_for: dict[str, str]
    may_operate: bool | None
    halts: list[dict[str, Any]]
    letters: list[dict[str, Any]]


class SystemPages:
    """``/system`` and its forms."""

    def __init__(self, site: Site) -> None:
        self._site = site

    def routes(self) -> list[BaseRoute]:
        """Return these routes."""
        return [
            self._site.page("/system", self._show, "system"),
            self._site.page("/system/{service}/halts/{id}/resume", self._resume, "system", "POST"),
            self._site.page("/system/{service}/dead-letters/{id}/{act}", self._handle_letter, "system", "POST"),
        ]

    async def _show(self, visit: Visit, why: str = "") -> Response:
        view = await open_city(self._site, visit, None)
        conditions = await asyncio.gather(*(self._condition(visit, name) for name in SERVICE_NAMES))
        values = {"conditions": conditions, "times": view.times, "names": view.names, "why": why}
        return self._site.show(visit, "system.html", values, 409 if why else 200)

    async def _condition(self, visit: Visit, name: ServiceName) -> ServiceCondition:
        services, person = self._site.services, visit.person
        try:
            ready, halts, letters = await asyncio.gather(
                services.get_readiness(name),
                services.get(name, "/v1/halts", person),
                services.get(name, "/v1/dead-letters", person, {"state": "waiting", "limit": _SHOWN_LETTERS}),
            )
        except ServiceUnavailable:
            return ServiceCondition(name, None, {}, None, [], [])
        return ServiceCondition(
            name=name,
            ready=bool(ready.get("ready")),
            waits_for=dict(ready.get("waits_for", {})),
            may_operate=halts.ok,
            halts=list(halts.body["halts"]) if halts.ok else [],
            letters=list(letters.body["dead_letters"]) if letters.ok else [],
        )

    async def _resume(self, visit: Visit) -> Response:
        service, halt_id = _service_of(visit), str(visit.request.path_params["id"])
        form = await visit.form()
        at = form.fields.get("at", "")
        if not _HALT.fullmatch(halt_id) or at not in _RESUME_FROM:
            raise PageRefused(404)
        path = f"/v1/halts/{halt_id}/resume"
        return await self._done(visit, await self._site.services.post(service, path, visit.person, {"at": at}))

    async def _handle_letter(self, visit: Visit) -> Response:
        service, letter, act = (
            _service_of(visit),
            str(visit.request.path_params["id"]),
            visit.request.path_params["act"],
        )
        form = await visit.form()
        if not _LETTER.fullmatch(letter) or act not in ("redrive", "drop"):
            raise PageRefused(404)
        body = {"reason": form.fields.get("reason", "")} if act == "drop" else None
        path = f"/v1/dead-letters/{letter}/{act}"
        return await self._done(visit, await self._site.services.post(service, path, visit.person, body))

    async def _done(self, visit: Visit, answer: ServiceAnswer) -> Response:
        return see_other("/system") if answer.ok else await self._show(visit, answer.message(visit.language))


def _service_of(visit: Visit) -> ServiceName:
    wanted = visit.request.path_params["service"]
    for name in SERVICE_NAMES:
        if name == wanted:
            return name
    raise PageRefused(404)
