"""How a file of somebody else's records is read as reports and actions: a mapping is data of the pack, not code.

An importer turns each row of the file into one report and the steps that followed it, as the mapping says:

1. The report, at ``reported_at``: its own id, class by ``categories``, source by ``sources``, place by the position
   columns (in ``crs``), ``district`` taken from its column even where the city has drawn none, address, text.
2. Dispatch to the recorded owner, by ``owners``; promised for the end of the day in the column ``promised_on`` (the
   last moment of that day in ``zone``), without a limit where that is empty.
3. What its status says, by ``statuses``: see ``Status``.

A cell that is empty, cannot be read, or has a value that no table here knows is *listed* by line number, column and
value, and the row is taken as far as it holds: without position it has no place but its district; without a known
owner it stays with the hard-to-place desk; without a known kind it has no class; without a promised day no limit;
without the date that its status asks for it stays open. Only a row without an id or without a readable
``reported_at`` cannot be taken, and is listed too. Times that contradict each other (promised before reported, closed
before reported) are taken as they stand, and listed.
"""

from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from paidan_contracts.city.organisation import DepartmentId
from paidan_contracts.city.pack_types import (
    ClassCode,
    Name,
    PackModel,
    Text,
)
from paidan_contracts.wire import Datum, Slug

Column = Name
"""A column's name in the file's first line."""
ZoneName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_+\-/]{1,60}$")]
MappedStatus = Literal["open", "closed", "voided", "not_accepted"]


class Columns(PackModel):
    """Which column of the file says what."""

    id: Column = Field(description="The record's own id; with the source it makes the report's.")
    reported_at: Column
    category: Column
    status: Column
    owner: Column | None = None
    source: Column | None = None
    promised_on: Column | None = Field(default=None, description="A date; a time of day beside it is not looked at.")
    latitude: Column | None = None
    longitude: Column | None = None
    district: Column | None = Field(default=None, description="Holds district codes of the pack.")
    address: Column | None = None
    text: Column | None = None


class CategoryMapping(PackModel):
    """A value of the category column, and the class it stands for."""

    value: Name
    class_code: ClassCode
    condition: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9]{1,8}$")] | None = None


class OwnerMapping(PackModel):
    """A value of the owner column, and the department it stands for."""

    value: Name
    department: DepartmentId


class SourceMapping(PackModel):
    """A value of the source column, and the source of the pack it stands for."""

    value: Name
    source: Slug


class StatusMapping(PackModel):
    """A value of the status column, and what became of the record.

    ``open``: dispatched, and nothing more. ``closed``: accepted, finished, inspected with success and closed, all at
    the time in ``at``. ``voided``: voided then. ``not_accepted``: its verification failed then; the recorded owner
    stays the department that it is counted under. ``at`` names columns; the first that is not empty is the time.
    """

    value: Name
    becomes: MappedStatus
    at: tuple[Column, ...] = Field(default=(), description="Empty only where it becomes `open`.")


class ImportMapping(PackModel):
    """How to read one kind of file. It stands in ``imports/<id>.toml``."""

    id: Slug
    note: Text
    format: Literal["csv"] = "csv"
    encoding: Literal["utf-8", "utf-8-sig", "gb18030", "latin-1"] = "utf-8"
    delimiter: Annotated[str, StringConstraints(min_length=1, max_length=1)] = ","
    zone: ZoneName = Field(description="Zone of every time and day in the file, such as America/Los_Angeles.")
    time_format: Name = Field(description="As strptime has it, for every time column: `%m/%d/%y %H:%M`.")
    date_format: Name | None = Field(default=None, description="Of promised_on, where it differs from time_format.")
    crs: Datum = "wgs84"
    columns: Columns
    default_source: Slug = Field(description="For an empty or unknown value of the source column; it is listed then.")
    categories: tuple[CategoryMapping, ...]
    owners: tuple[OwnerMapping, ...] = ()
    sources: tuple[SourceMapping, ...] = ()
    statuses: tuple[StatusMapping, ...]
