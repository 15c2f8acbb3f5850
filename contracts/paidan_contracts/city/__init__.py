"""City packs: what a city is made of (`Pack`), the city as services ask it (`City`), and reading and checking of packs.

A pack is a folder of TOML, CSV and GeoJSON files; `read_pack` makes it a `Pack`, `City.of` makes that a `City`.
"""

from paidan_contracts.city.city import City
from paidan_contracts.city.diagnostics import Diagnostic, InvalidPack
from paidan_contracts.city.geography import UNKNOWN_PLACE, PlaceCodes
from paidan_contracts.city.loader import load_city, load_pack
from paidan_contracts.city.pack import Pack, pack_version
from paidan_contracts.city.routing import Routed, RoutingInput, Unrouted

__all__ = [
    "UNKNOWN_PLACE",
    "City",
    "Diagnostic",
    "InvalidPack",
    "Pack",
    "PlaceCodes",
    "Routed",
    "RoutingInput",
    "Unrouted",
    "load_city",
    "load_pack",
    "pack_version",
]
