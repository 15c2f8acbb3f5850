"""A city's pack in words and on a map, as it is in force or was published before, and what differs between versions."""

import re
from typing import Any, Final

from starlette.responses import Response
from starlette.routing import BaseRoute

from paidan_cockpit.pages.city_view import open_city
from paidan_cockpit.pages.district_map import draw_districts
from paidan_cockpit.pages.names import CityNames
from paidan_cockpit.pages.pack_words import PackWords
from paidan_cockpit.pages.site import Site
from paidan_cockpit.pages.visit import PageRefused, Visit
from paidan_cockpit.translations import translations
from paidan_contracts.city import City
from paidan_contracts.city.compare import compare_packs
from paidan_contracts.city.posts import DUTIES

_VERSION: Final = re.compile(r"[0-9a-f]{64}")
_MAX_DIFFERENCES: Final = 500


class CityPages:
    """``/city``."""

    def __init__(self, site: Site) -> None:
        self._site = site

    def routes(self) -> list[BaseRoute]:
        """Return these routes."""
        return [self._site.page("/city", self._show, "city")]

    async def _show(self, visit: Visit) -> Response:
        query = visit.request.query_params
        view = await open_city(self._site, visit, query.get("city") or None)
        city = await self._version(view.city, query.get("version", "")) or view.city
        other = await self._version(view.city, query.get("from", ""))
        names = CityNames(city, visit.language)
        today = view.times.now.astimezone(city.zone).date()
        values: dict[str, Any] = {
            "city": city,
            "in_force": city.version == view.city.version,
            "cities": view.cities,
            "names": names,
            "times": view.times,
            "today": today,
            "words": PackWords(names, translations(visit.language).gettext),
            "duties": DUTIES,
            "map": draw_districts(city),
            "versions": await self._site.packs.versions(city.id),
            "other": other,
            "differences": list(compare_packs(other.pack, city.pack))[:_MAX_DIFFERENCES] if other else [],
        }
        return self._site.show(visit, "city.html", values)

    async def _version(self, current: City, version: str) -> City | None:
        """Return a version of this very city; None where none was asked for."""
        if not version:
            return None
        found = await self._site.packs.find(version) if _VERSION.fullmatch(version) else None
        if found is None or found.id != current.id:
            raise PageRefused(404)
        return found
