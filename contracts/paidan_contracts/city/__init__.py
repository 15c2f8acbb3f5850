"""City packs: what a city is made of (`Pack`), the city as services ask it (`City`), and reading and checking of packs.

A pack is a folder of TOML, CSV and GeoJSON files; `read_pack` makes it a `Pack`, `City.of` makes that a `City`.
"""

from paidan_contracts.city.city import City
from paidan_contracts.city.diagnostics import Mistake, Unfit
from paidan_contracts.city.geography import NOWHERE, Spot
from paidan_contracts.city.loader import load_city, read_pack
from paidan_contracts.city.pack import Pack, version_of
from paidan_contracts.city.routing import HardToPlace, Routable, Routed

__all__ = [
    "NOWHERE",
    "City",
    "HardToPlace",
    "Mistake",
    "Pack",
    "Routable",
    "Routed",
    "Spot",
    "Unfit",
    "load_city",
    "read_pack",
    "version_of",
]
