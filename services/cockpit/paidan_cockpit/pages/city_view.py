"""The city that a page is about: chosen among those that the person may see, with its names and its time."""

from collections.abc import Mapping
from dataclasses import dataclass

from paidan_cockpit.pages.names import CityNames
from paidan_cockpit.pages.request_context import PageRefused, RequestContext
from paidan_cockpit.pages.site import Site
from paidan_cockpit.pages.times import CityTimes
from paidan_contracts.city import City


@dataclass(frozen=True, slots=True)
class CityView:
    """A city under the pack in force."""

    city_id: str
    city: City
    names: CityNames
    times: CityTimes
    cities: Mapping[str, str]
    """Names of all cities that the person may see, by id."""

    def rate_names(self) -> dict[str, str]:
        """Return the names of the city's rates, by id."""
        return {rate.id: self.names.of(rate.names) for rate in self.city.indicators.rates}


async def open_city(site: Site, context: RequestContext, wanted: str | None) -> CityView:
    """Return the city that was asked for, or else that of the newest case; refuse one that the person may not see."""
    packs = {id_: pack for id_, pack in (await site.packs.current()).items() if context.person.covers(id_)}
    if wanted is None and len(packs) > 1:
        wanted = await site.latest_city.among(packs)
    city_id = wanted or next(iter(packs), "")
    if city_id not in packs:
        raise PageRefused(404, "no_city" if not packs else "")
    city = packs[city_id]
    names = {id_: CityNames(pack, context.language).city_name() for id_, pack in packs.items()}
    times = CityTimes(city.zone, site.clock.now(), context.language, city)
    return CityView(city_id, city, CityNames(city, context.language), times, names)
