"""Dead letters of the services: listed, shown without what is sealed, redriven, or dropped with a reason."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar, Final, get_args
from urllib.parse import urlencode

from starlette.responses import Response
from starlette.routing import BaseRoute

from paidan_chassis.consumer.dead_letter_pages import DeadLetterState
from paidan_chassis.operations.dead_letter_models import (
    DeadLetterDetail,
    DeadLetterList,
    NotRedriven,
    RedriveResponse,
)
from paidan_cockpit.pages.renderer import PageValues
from paidan_cockpit.pages.request_context import PageRefused, RequestContext
from paidan_cockpit.pages.site import Site, see_other
from paidan_cockpit.pages.system import operated_service, real_times, refusal
from paidan_cockpit.pages.times import CityTimes
from paidan_cockpit.services_client import SERVICE_NAMES, ServiceName
from paidan_contracts.wire import ID_PATTERN

STATES: Final[tuple[DeadLetterState, ...]] = get_args(DeadLetterState)
_PAGE_SIZE: Final = 50
_LETTER_ID: Final = re.compile(ID_PATTERN)
_CHOSEN: Final = "letter:"
_FILTERS: Final = ("consumer", "topic", "reason", "after")
_MAX_FILTER: Final = 249
_FIRST_STATE: Final = "waiting"


@dataclass(frozen=True, slots=True, kw_only=True)
class DeadLettersPage(PageValues):
    """The dead letters of a service, and what became of those that were redriven just now."""

    template: ClassVar[str] = "dead_letters.html"

    service: ServiceName
    services: Sequence[ServiceName]
    filter: Mapping[str, str]
    states: Sequence[DeadLetterState]
    page: DeadLetterList
    next: str
    times: CityTimes
    result: RedriveResponse | None
    obstacles: Sequence[NotRedriven]
    refused: str
    done: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DeadLetterPage(PageValues):
    """One dead letter, without what is sealed."""

    template: ClassVar[str] = "dead_letter.html"

    service: ServiceName
    letter: DeadLetterDetail
    times: CityTimes
    refused: str


class DeadLetterPages:
    """``/system/{service}/dead-letters`` and what is below it."""

    def __init__(self, site: Site) -> None:
        self._site = site

    def routes(self) -> list[BaseRoute]:
        """Return these routes."""
        page, base = self._site.page, "/system/{service}/dead-letters"
        return [
            page(base, self._list, "system"),
            page(f"{base}/redrive", self._redrive, "system", "POST"),
            page(f"{base}/{{letter_id}}", self._show, "system"),
            page(f"{base}/{{letter_id}}/drop", self._drop, "system", "POST"),
        ]

    async def _list(
        self, context: RequestContext, result: RedriveResponse | None = None, refused: str = ""
    ) -> Response:
        service = operated_service(context)
        chosen = read_filter(context.request.query_params)
        asked = {name: value for name, value in chosen.items() if value and (name, value) != ("state", "all")}
        answer = await self._site.services.get(
            service, "/v1/dead-letters", context.person, asked | {"limit": _PAGE_SIZE}
        )
        page = DeadLetterList.model_validate(answer.body) if answer.ok else DeadLetterList(dead_letters=[], after=None)
        list_page = DeadLettersPage(
            service=service,
            services=SERVICE_NAMES,
            filter=chosen,
            states=STATES,
            page=page,
            next=urlencode(asked | {"after": page.after}) if page.after else "",
            times=await real_times(self._site, context),
            result=result,
            obstacles=obstacles_of(result) if result else [],
            refused=refused or ("" if answer.ok else refusal(answer, context)),
            done=context.request.query_params.get("done", ""),
        )
        return self._site.show(context, list_page, 409 if refused else 200)

    async def _show(self, context: RequestContext, refused: str = "") -> Response:
        service, letter_id = operated_service(context), _letter_id(context)
        answer = await self._site.services.get(service, f"/v1/dead-letters/{letter_id}", context.person)
        if not answer.ok:
            raise PageRefused(404)
        letter = DeadLetterDetail.model_validate(answer.body)
        times = await real_times(self._site, context)
        page = DeadLetterPage(service=service, letter=letter, times=times, refused=refused)
        return self._site.show(context, page, 409 if refused else 200)

    async def _redrive(self, context: RequestContext) -> Response:
        service = operated_service(context)
        filled = await context.form()
        names = [name.removeprefix(_CHOSEN) for name in filled.fields if name.startswith(_CHOSEN)]
        ids = [each for each in names if _LETTER_ID.fullmatch(each)]
        if not ids:
            return see_other(f"{_base(service)}?done=none")
        path = "/v1/dead-letters/redrive"
        answer = await self._site.services.post(service, path, context.person, {"ids": ids})
        if not answer.ok:
            return await self._list(context, refused=refusal(answer, context))
        return await self._list(context, RedriveResponse.model_validate(answer.body))

    async def _drop(self, context: RequestContext) -> Response:
        service, letter_id = operated_service(context), _letter_id(context)
        filled = await context.form()
        body = {"reason": filled.fields.get("reason", "")}
        answer = await self._site.services.post(service, f"/v1/dead-letters/{letter_id}/drop", context.person, body)
        return (
            see_other(f"{_base(service)}?done=dropped")
            if answer.ok
            else await self._show(context, refusal(answer, context))
        )


def read_filter(query: Mapping[str, str]) -> dict[str, str]:
    """Return which dead letters an address asks for: those that wait, unless it says otherwise."""
    state = query.get("state", _FIRST_STATE)
    texts = {name: query.get(name, "").strip()[:_MAX_FILTER] for name in _FILTERS}
    return texts | {"state": state if state in (*STATES, "all") else _FIRST_STATE}


def obstacles_of(result: RedriveResponse) -> list[NotRedriven]:
    """Return what was not redriven, or failed again, each with why."""
    return [*result.skipped, *([result.stopped_at] if result.stopped_at else [])]


def _letter_id(context: RequestContext) -> str:
    letter_id = str(context.request.path_params["letter_id"])
    if not _LETTER_ID.fullmatch(letter_id):
        raise PageRefused(404)
    return letter_id


def _base(service: ServiceName) -> str:
    return f"/system/{service}/dead-letters"
