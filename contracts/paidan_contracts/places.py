"""Positions as their sender stated them, and places: a position in WGS-84 with the codes of what it lies in."""

from pydantic import Field

from paidan_contracts.wire import Code, Datum, Latitude, Longitude, ShortText, WireModel


class RawPosition(WireModel):
    """A position as its sender gave it, kept so that a wrong datum can be corrected later."""

    x: float = Field(description="Longitude, in the stated datum.", ge=-180, le=180, allow_inf_nan=False)
    y: float = Field(description="Latitude, in the stated datum.", ge=-90, le=90, allow_inf_nan=False)
    crs: Datum


class WorkPlace(WireModel):
    """Where work was done. None: whoever did it has not told."""

    latitude: Latitude | None = Field(default=None, description="Where the work was done: WGS-84, degrees.")
    longitude: Longitude | None = Field(default=None, description="Where the work was done: WGS-84, degrees.")


class Place(WireModel):
    """A place in a city. Any part may be unknown; scores count unknown places by themselves."""

    latitude: Latitude | None = Field(default=None, description="WGS-84, degrees.")
    longitude: Longitude | None = Field(default=None, description="WGS-84, degrees.")
    raw: RawPosition | None = None
    district: Code | None = None
    street: Code | None = None
    community: Code | None = None
    grid: Code | None = Field(default=None, description="Unit grid cell, 15 digits where the city has one.")
    address: ShortText | None = Field(default=None, description="Of the problem, never of the reporter; masked.")
