"""A city's departments, which handle cases, and the sources of its reports."""

from typing import Annotated, Literal

from pydantic import Field

from paidan_contracts.city.pack_types import ClassPattern, Name, Names, PackModel, PlaceCode
from paidan_contracts.wire import Channel, Datum, Slug

DepartmentId = Slug
UnitKind = Literal["bureau", "squad", "street_office", "contractor"]
"""局, 中队, 街道办, 外包单位."""


class Department(PackModel):
    """An organisation that receives orders: city bureau, district 城管局, street office, utility, contractor.

    Its topics are ``paidan.orders.<id>`` and ``paidan.answers.<id>``; they exist also for a department that uses HTTP,
    so that it can change over at any time. Departments are a tree: a squad or a contractor has a ``parent``.
    """

    id: DepartmentId
    names: Names
    kind: Slug = Field(description="Routing rules refer to it: ``district:urban-management``.")
    district: PlaceCode | None = Field(
        default=None, description="The district that it belongs to; None: to the whole city."
    )
    street: PlaceCode | None = Field(default=None, description="The street that it belongs to; with its district.")
    channel: Literal["kafka", "http", "bureau"] = Field(
        default="kafka",
        description="By what it works; bureau: it has no topics, and its orders come to the nearest unit above it that"
        " has some.",
    )
    parent: DepartmentId | None = Field(default=None, description="The unit to which it belongs; None: to none.")
    unit: UnitKind | None = None
    enforcement: bool | None = Field(
        default=None, description="Whether it has enforcement rights (执法权); None: nothing is kept from it."
    )


class AnswerableRule(PackModel):
    """牵头, 包区挂办: who answers for an area or a class; the first rule that covers a case holds."""

    id: Slug
    names: Names
    classes: tuple[ClassPattern, ...] | None = Field(default=None, description="None: of every class.")
    places: tuple[PlaceCode, ...] | None = Field(
        default=None, description="Districts, streets and communities; None: everywhere in the city."
    )
    leader: Slug | None = Field(default=None, description="The post of the leader who answers for it.")
    office: DepartmentId | None = Field(default=None, description="The office that coordinates it.")
    unit: DepartmentId | None = Field(default=None, description="The unit that answers for it.")


class Source(PackModel):
    """A source of reports: a hotline, the photo app, a camera platform, the patrol, an import."""

    id: Slug
    names: Names
    kind: Channel
    trusted: bool = Field(
        description="Its reports are filed at once; those of other sources wait in `received` for verification (核实)."
    )
    min_confidence: Annotated[float, Field(ge=0, le=1)] | None = Field(
        default=None,
        description="A report with this confidence or above is trusted, whatever `trusted` is.",
    )
    crs: Datum = Field(default="wgs84", description="Datum of its positions where a report states none.")
    callback: bool = Field(default=False, description="Its reporters are called back (回访) after closing.")
    silent_after_min: Annotated[int, Field(ge=1, le=525_600)] | None = Field(
        default=None, description="An alert is raised when it has sent nothing for so many minutes; None: never."
    )
    own_topic: bool | None = Field(
        default=None,
        description="Its alarms over Kafka are taken from its own topic paidan.alarms.<id> alone, so that no other"
        " sender can speak in its name; by default from paidan.alarms too, where a sender names its source itself.",
    )


SourceCategory = Name
"""A source's own category of a report: a hotline's, or a vendor's alarm code such as ``887``."""
