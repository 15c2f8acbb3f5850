"""Who acts and who reports: a city's departments and the sources of its reports."""

from typing import Annotated, Literal

from pydantic import Field

from paidan_contracts.city.pack_types import (
    Name,
    Names,
    PackModel,
    PlaceCode,
)
from paidan_contracts.wire import Channel, Datum, Slug

DepartmentId = Slug


class Department(PackModel):
    """A body that can be told to act: city bureau, district 城管局, street office, utility, contractor.

    Its topics are ``paidan.orders.<id>`` and ``paidan.answers.<id>``; both exist for a department that works over HTTP
    as well, so that it may change over any day.
    """

    id: DepartmentId
    names: Names
    kind: Slug = Field(description="What it is, so that rules can say 'the district's urban-management'.")
    district: PlaceCode | None = Field(default=None, description="Whose it is; None: the whole city's.")
    street: PlaceCode | None = Field(default=None, description="For a street's own office; its district is given too.")
    channel: Literal["kafka", "http"] = "kafka"


class Source(PackModel):
    """Somebody or something that reports: a hotline, the photo app, a camera platform, the patrol, an import."""

    id: Slug
    names: Names
    kind: Channel
    trusted: bool = Field(
        description="A trusted source's report is filed at once; another's waits in `received` to be verified (核实)."
    )
    min_confidence: Annotated[float, Field(ge=0, le=1)] | None = Field(
        default=None,
        description="At or above it a report with a confidence counts as trusted, whatever `trusted` says.",
    )
    crs: Datum = Field(default="wgs84", description="Datum of its positions where a report does not name one.")
    callback: bool = Field(default=False, description="Its reporters are called back (回访) after closing.")


SourceCategory = Name
"""A source's own word or number for what it reports: a hotline category, a vendor's alarm code such as ``887``."""
