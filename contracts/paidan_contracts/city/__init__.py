"""City packs: the document (`Pack`), the city as services use it (`City`), and loading and validation.

A pack is a folder of TOML, CSV and GeoJSON files; `load_pack` reads it as a `Pack`, `City.of` makes that a `City`.
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
