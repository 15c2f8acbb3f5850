"""A city pack as one document: all that makes a city a city, and the bytes that it is addressed by."""

import hashlib
import json
from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from paidan_contracts.city.calendar import Calendar
from paidan_contracts.city.catalogue import Catalogue
from paidan_contracts.city.geography import Geography
from paidan_contracts.city.import_mappings import ImportMapping
from paidan_contracts.city.indicators import Indicators
from paidan_contracts.city.organisation import Department, Source
from paidan_contracts.city.pack_types import (
    CityId,
    Names,
    PackModel,
    Text,
)
from paidan_contracts.city.policies import MatchingPolicy, ScreeningPolicy, StageLimits
from paidan_contracts.city.routing import RoutingRule

AreaLevel = Literal["city", "district"]


class Pack(PackModel):
    """A city, as published: its canonical bytes are kept in ``cities.pack`` under their sha256.

    Published by ``paidan city publish``, which then says on every partition of ``paidan.inbox`` that it is in force.
    Read by intake, dispatch and scoring, by the hash that their own log names.
    """

    format: Literal[1] = Field(default=1, description="Of the pack itself; a service refuses one it does not know.")
    id: CityId
    names: Names
    note: Text | None = None
    zone: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_+\-/]{1,60}$")] = Field(
        description="Of every local time and day: Asia/Shanghai."
    )
    area_level: AreaLevel = Field(
        description="Inside what reports are matched with each other; it can never change for a city that has cases."
    )
    departments: tuple[Department, ...]
    sources: tuple[Source, ...]
    catalogue: Catalogue
    routing: tuple[RoutingRule, ...]
    calendar: Calendar
    clocks: StageLimits
    matching: MatchingPolicy
    screening: ScreeningPolicy
    indicators: Indicators
    imports: tuple[ImportMapping, ...] = ()
    geography: Geography

    def canonical_bytes(self) -> bytes:
        """Write the pack as the one byte string that stands for it; defaults are spelt out, so that they may change."""
        document = self.model_dump(mode="json", exclude_none=True)
        return json.dumps(document, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode()


def pack_version(canonical: bytes) -> str:
    """Name the version of a pack by the sha256 of its canonical bytes."""
    return hashlib.sha256(canonical).hexdigest()
