"""The system: services and their lag, halts with what each needs, and the last conservation checks."""

import asyncio
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import ClassVar, Final, get_args

from starlette.responses import Response
from starlette.routing import BaseRoute

from paidan_chassis.clock import real_now
from paidan_chassis.consumer.halts import ResumeFrom
from paidan_chassis.operations.halt_routes import HaltItem, HaltList
from paidan_cockpit import check_queries
from paidan_cockpit.pages.renderer import PageValues
from paidan_cockpit.pages.request_context import PageRefused, RequestContext
from paidan_cockpit.pages.site import Site, see_other
from paidan_cockpit.pages.system_health import ServiceHealth, probe_services
from paidan_cockpit.pages.times import CityTimes
from paidan_cockpit.services_client import SERVICE_NAMES, ServiceAnswer, ServiceName, ServiceUnavailable
from paidan_contracts.checks import ConservationChecked

_SHOWN_CHECKS: Final = 24
_RESUME_FROM: Final[tuple[ResumeFrom, ...]] = get_args(ResumeFrom)
_HALT_ID: Final = re.compile(r"[0-9]{1,19}")
_MAX_HALT_ID: Final = 2**63


@dataclass(frozen=True, slots=True)
class ServiceHalts:
    """The open halts of a service; None: the service did not answer."""

    service: ServiceName
    halts: Sequence[HaltItem] | None


@dataclass(frozen=True, slots=True, kw_only=True)
class SystemPage(PageValues):
    """How the installation is; halts are shown to whoever operates it."""

    template: ClassVar[str] = "system.html"

    services: Sequence[ServiceHealth]
    halts: Sequence[ServiceHalts]
    checks: Sequence[ConservationChecked]
    times: CityTimes
    """Machines' times, which are real ones; ``city_now``: what the clock of the installation shows."""
    city_now: datetime
    operates: bool
    done: str
    refused: str


class SystemPages:
    """``/system`` and what lifts a halt."""

    def __init__(self, site: Site) -> None:
        self._site = site

    def routes(self) -> list[BaseRoute]:
        """Return these routes."""
        return [
            self._site.page("/system", self._show, "system"),
            self._site.page("/system/{service}/halts/{halt_id}", self._resume, "system", "POST"),
        ]

    async def _show(self, context: RequestContext, refused: str = "") -> Response:
        services, halts, checks, times = await asyncio.gather(
            probe_services(self._site.services),
            self._all_halts(context),
            check_queries.load_last_checks(self._site.pool, _SHOWN_CHECKS),
            real_times(self._site, context),
        )
        page = SystemPage(
            services=services,
            halts=halts,
            checks=checks,
            times=times,
            city_now=self._site.clock.now(),
            operates=context.person.operates_installation,
            done=context.request.query_params.get("done", ""),
            refused=refused,
        )
        return self._site.show(context, page, 409 if refused else 200)

    async def _all_halts(self, context: RequestContext) -> Sequence[ServiceHalts]:
        if not context.person.operates_installation:
            return ()
        return await asyncio.gather(*(self._halts(context, service) for service in SERVICE_NAMES))

    async def _halts(self, context: RequestContext, service: ServiceName) -> ServiceHalts:
        try:
            answer = await self._site.services.get(service, "/v1/halts", context.person)
        except ServiceUnavailable:
            return ServiceHalts(service, None)
        return ServiceHalts(service, HaltList.model_validate(answer.body).halts if answer.ok else None)

    async def _resume(self, context: RequestContext) -> Response:
        service, halt_id = operated_service(context), str(context.request.path_params["halt_id"])
        filled = await context.form()
        at = filled.fields.get("at", "")
        if at not in _RESUME_FROM or not _HALT_ID.fullmatch(halt_id) or int(halt_id) >= _MAX_HALT_ID:
            raise PageRefused(404)
        answer = await self._site.services.post(service, f"/v1/halts/{int(halt_id)}/resume", context.person, {"at": at})
        return see_other("/system?done=resumed") if answer.ok else await self._show(context, refusal(answer, context))


def operated_service(context: RequestContext) -> ServiceName:
    """Return the service of the address; refuse whoever does not operate the installation, as if there were none."""
    name = context.request.path_params["service"]
    service = next((each for each in SERVICE_NAMES if each == name), None)
    if service is None or not context.person.operates_installation:
        raise PageRefused(404)
    return service


def refusal(answer: ServiceAnswer, context: RequestContext) -> str:
    """Return why a service refused, as it says."""
    return answer.message(context.language)


async def real_times(site: Site, context: RequestContext) -> CityTimes:
    """Return real times in the zone of the person's first city: machines know no other clock."""
    packs = await site.packs.current()
    zone = next((pack.zone for id_, pack in packs.items() if context.person.covers(id_)), UTC)
    return CityTimes(zone, real_now(), context.language)
