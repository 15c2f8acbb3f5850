"""Emergencies and events of a city: what is in force, to come and past; declared and ended by whose duty it is."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar, Final
from uuid import uuid4

from pydantic import ValidationError
from starlette.responses import Response
from starlette.routing import BaseRoute

from paidan_cockpit.pages.city_view import CityView, open_city
from paidan_cockpit.pages.names import CityNames
from paidan_cockpit.pages.precedence import ListedEmergency, Precedence, precedences_of
from paidan_cockpit.pages.renderer import PageValues
from paidan_cockpit.pages.request_context import RequestContext
from paidan_cockpit.pages.site import Site, see_other
from paidan_cockpit.pages.stale_while_revalidate_cache import StaleWhileRevalidateCache
from paidan_cockpit.pages.times import CityTimes
from paidan_cockpit.rights import Person
from paidan_contracts.city import City
from paidan_contracts.city.emergencies import EmergencyPlan
from paidan_contracts.wire import WireModel

_MAX_AGE_S: Final = 5.0
_WHOLE_CITY: Final = "*"
_DONE: Final = frozenset({"declared", "ended"})


class _Answer(WireModel):
    emergencies: tuple[ListedEmergency, ...]


class EmergencyNotices:
    """What is in force, for the pages that say so at their top; without dispatch they show what was known."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self._cache = StaleWhileRevalidateCache[tuple[ListedEmergency, ...]](_MAX_AGE_S)

    async def load(self, person: Person, city: City) -> tuple[ListedEmergency, ...]:
        """Return what is in force in a city; nothing is asked where its pack has no plans."""
        return tuple(each for each in await self._load(person, city) if each.state == "in_force")

    async def precedences(self, person: Person, city: City) -> tuple[Precedence, ...]:
        """Return by what open cases of a city come first in queues."""
        return precedences_of(await self._load(person, city), city)

    async def _load(self, person: Person, city: City) -> tuple[ListedEmergency, ...]:
        if not city.emergencies:
            return ()
        return await self._cache.get(city.id, lambda: load_emergencies(self._site, person, city.id), ())


@dataclass(frozen=True, slots=True, kw_only=True)
class EmergenciesPage(PageValues):
    """A city's emergencies and events, and the form of who may declare one."""

    template: ClassVar[str] = "emergencies.html"

    city: City
    names: CityNames
    times: CityTimes
    listed: Sequence[ListedEmergency]
    plans: Sequence[EmergencyPlan]
    values: Mapping[str, str]
    refused: str
    done: str
    key: str


class EmergencyPages:
    """``/city/emergencies``."""

    def __init__(self, site: Site) -> None:
        self._site = site

    def routes(self) -> list[BaseRoute]:
        """Return these routes."""
        return [
            self._site.page("/city/emergencies", self._show, "city"),
            self._site.page("/city/emergencies", self._declare, "city", "POST"),
            self._site.page("/city/emergencies/{declaration_id}/end", self._end, "city", "POST"),
        ]

    async def _show(self, context: RequestContext) -> Response:
        view = await open_city(self._site, context, context.request.query_params.get("city") or None)
        return await self._page(context, view, {}, "")

    async def _page(self, context: RequestContext, view: CityView, values: Mapping[str, str], refused: str) -> Response:
        done = context.request.query_params.get("done", "")
        page = EmergenciesPage(
            city=view.city,
            names=view.names,
            times=view.times,
            listed=await load_emergencies(self._site, context.person, view.city_id),
            plans=plans_of(context.person, view.city),
            values=values,
            refused=refused,
            done=done if done in _DONE else "",
            key=values.get("key") or str(uuid4()),
        )
        return self._site.show(context, page, 422 if refused else 200)

    async def _declare(self, context: RequestContext) -> Response:
        fields = (await context.form()).fields
        view = await open_city(self._site, context, fields.get("city") or None)
        plan, _, level = fields.get("level", "").partition("/")
        stated = {name: fields[name] for name in ("begins_at", "ends_at", "reason") if fields.get(name)}
        place = fields.get("place")
        places = [place] if place and place != _WHOLE_CITY else []
        body = {"city": view.city_id, "plan": plan, "level": level, "places": places, **stated}
        return await self._ask(context, view, "/v1/emergencies", body, fields)

    async def _end(self, context: RequestContext) -> Response:
        fields = (await context.form()).fields
        view = await open_city(self._site, context, fields.get("city") or None)
        path = f"/v1/emergencies/{context.request.path_params['declaration_id']}/end"
        return await self._ask(context, view, path, {"reason": fields.get("reason", "")}, fields)

    async def _ask(
        self, context: RequestContext, view: CityView, path: str, body: Mapping[str, object], fields: Mapping[str, str]
    ) -> Response:
        """Ask whether it would be applied, which tells why not; then ask for it."""
        headers = {"Idempotency-Key": fields.get("key") or str(uuid4())}
        tried = await self._site.services.post("dispatch", f"{path}?dry-run=true", context.person, body, headers)
        why = (tried.body or {}).get("why") if tried.ok else None
        if not tried.ok or why is not None:
            told = why or {}
            message = str(told.get("message_zh" if context.language == "zh" else "message") or "")
            return await self._page(context, view, fields, message or tried.message(context.language))
        answer = await self._site.services.post("dispatch", path, context.person, body, headers)
        if not answer.ok:
            return await self._page(context, view, fields, answer.message(context.language))
        done = "ended" if path.endswith("/end") else "declared"
        return see_other(f"/city/emergencies?city={view.city_id}&done={done}")


async def load_emergencies(site: Site, person: Person, city: str) -> tuple[ListedEmergency, ...]:
    """Return what dispatch lists of a city; raise ServiceUnavailable where it does not answer."""
    answer = await site.services.get("dispatch", "/v1/emergencies", person, {"city": city})
    try:
        return _Answer.model_validate(answer.body).emergencies if answer.ok else ()
    except ValidationError:  # a newer release's list
        return ()


def plans_of(person: Person, city: City) -> Sequence[EmergencyPlan]:
    """Return the plans that a person's post may declare; dispatch decides, and a key without a post may all."""
    post = city.posts.get(person.post)
    if post is None or not person.grants.has_role("operator"):
        return ()
    may = city.duty_actions.get(post.duty)
    if may is not None and "declare_emergency" not in may:
        return ()
    return [each for each in city.emergencies.values() if post.duty in each.duties]
