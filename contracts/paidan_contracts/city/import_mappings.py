"""Import mappings: how the importer reads another system's records as reports and actions.

Each row of the file becomes one report and the actions that followed it:

1. The report, at ``reported_at``: its own id, class by ``categories``, source by ``sources``, place by the position
   columns (in ``crs``), district from its column even where the pack has no shape for it, address, text.
2. Dispatch to the recorded owner, by ``owners``, due at the end of the day in ``promised_on`` (in ``zone``), or at the
   moment in ``promised_at``; without a time limit where that is empty.
3. What followed from its status, by ``statuses``: see ``StatusMapping``.

A cell that is empty, cannot be parsed, or has no entry in the mapping is reported with line, column and value, and the
row is imported without it: without a position, an owner (the case is held at the hard-to-place desk), a class or a time
limit; without any time of the end that its status needs the case stays open. A record whose time of ending cannot be
(unreadable, out of range, in the future) ends at the moment of its report and gets no time limit, so that it counts
neither as on time nor as late. A promise or an ending before the report is imported as it is, and reported. Only a row
without a usable id or a valid ``reported_at`` is left out; an id that a spreadsheet has rounded is not usable.
"""

from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from paidan_contracts.city.organisation import DepartmentId
from paidan_contracts.city.pack_types import ClassCode, Name, PackModel, Text
from paidan_contracts.wire import Datum, Slug

Column = Name
"""A column's name in the file's header."""
ZoneName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_+\-/]{1,60}$")]
MappedStatus = Literal["open", "closed", "voided", "not_accepted"]


class Columns(PackModel):
    """The columns of the file."""

    id: Column = Field(description="The record's own id; with the source it determines the report's.")
    reported_at: Column
    category: Column
    status: Column
    owner: Column | None = None
    source: Column | None = None
    promised_on: Column | None = Field(default=None, description="A date; a time of day is ignored.")
    promised_at: Column | None = Field(default=None, description="A moment, in place of promised_on.")
    latitude: Column | None = None
    longitude: Column | None = None
    district: Column | None = Field(default=None, description="District codes of the pack.")
    address: Column | None = None
    text: Column | None = None


class CategoryMapping(PackModel):
    """A value of the category column, and its class."""

    value: Name
    class_code: ClassCode
    condition: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9]{1,8}$")] | None = None


class OwnerMapping(PackModel):
    """A value of the owner column, and its department."""

    value: Name
    department: DepartmentId


class SourceMapping(PackModel):
    """A value of the source column, and its source in the pack."""

    value: Name
    source: Slug


class StatusMapping(PackModel):
    """A value of the status column, and the state of its case.

    ``open``: dispatched. ``closed``: accepted, finished, inspected and closed, all at the time in ``at``. ``voided``:
    voided at that time. ``not_accepted``: verification failed at that time; the case is counted for the recorded
    owner. ``at`` lists columns; the first that holds a usable time is taken.
    """

    value: Name
    becomes: MappedStatus
    at: tuple[Column, ...] = Field(default=(), description="Empty only where it becomes `open`.")


class ImportMapping(PackModel):
    """How to read one kind of file: ``imports/<id>.toml`` of the pack."""

    id: Slug
    note: Text
    format: Literal["csv"] = "csv"
    encoding: Literal["utf-8", "utf-8-sig", "gb18030", "latin-1"] = "utf-8"
    delimiter: Annotated[str, StringConstraints(min_length=1, max_length=1)] = ","
    zone: ZoneName = Field(description="Time zone of the file, such as America/Los_Angeles.")
    time_format: Name = Field(
        description="Format of strptime for every time column: `%m/%d/%y %H:%M`; with %z each time has its own offset."
    )
    date_format: Name | None = Field(default=None, description="Format of the promise, where it is not time_format.")
    header_line: int = Field(default=1, ge=1, le=100, description="Line of the column names; those above are skipped.")
    crs: Datum = "wgs84"
    columns: Columns
    default_source: Slug = Field(description="For an empty or unmapped value of the source column, which is reported.")
    categories: tuple[CategoryMapping, ...]
    owners: tuple[OwnerMapping, ...] = ()
    sources: tuple[SourceMapping, ...] = ()
    statuses: tuple[StatusMapping, ...]
