"""What counts as a case (立案标准): classes, their rows with limits, and how sources' own words map onto them."""

from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from paidan_contracts.city.organisation import SourceCategory
from paidan_contracts.city.pack_types import (
    ClassCode,
    Name,
    Names,
    PackModel,
    Text,
    TimeLimit,
)
from paidan_contracts.wire import Channel, Slug

RowId = Annotated[str, StringConstraints(pattern=r"^[CE][0-9]{4,5}-[A-Za-z0-9]{1,8}$")]
"""Class code, dash, condition code: ``E0110-1``."""
Evidence = Literal["photo_before", "photo_after", "position", "text", "document"]


class CaseClass(PackModel):
    """A small class (小类) of components or events, such as ``E0110`` 暴露生活垃圾."""

    code: ClassCode
    names: Names
    big: Names = Field(description="Its big class (大类), such as 市容环境.")


class CatalogueRow(PackModel):
    """A row of the catalogue: one condition of a class, with its own limit and closing condition.

    Filing (立案) chooses a row, not just a class; closing is judged against that row's closing condition.
    """

    id: RowId
    class_code: ClassCode
    condition: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9]{1,8}$")]
    default: bool = Field(default=False, description="Taken when neither report nor operator names a condition.")
    filing: Names = Field(description="立案条件.")
    closing: Names = Field(description="结案条件.")
    limit: TimeLimit | None = Field(default=None, description="处置时限; None: the city's default limit.")
    accept_limit: TimeLimit | None = Field(default=None, description="签收 limit; None: the city's.")
    evidence: tuple[Evidence, ...] = ()


class Category(PackModel):
    """A source's own word, and the class it stands for.

    ``source`` is a source's id or, for all sources of a channel, the channel (``camera``); an entry for the source
    itself goes first. An ``ignored`` word is known and asks for nothing (a heartbeat, a word of thanks).
    """

    source: Slug | Channel
    word: SourceCategory
    class_code: ClassCode | None = None
    condition: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9]{1,8}$")] | None = None
    ignored: bool = False


class Catalogue(PackModel):
    """All classes and rows. Its version is the pack's.

    Generations number the event classes 04 and 05 the other way round, so a code means nothing without its version.
    """

    generation: Name = Field(description="Which numbering the codes follow, and where they come from.")
    note: Text | None = None
    classes: tuple[CaseClass, ...]
    rows: tuple[CatalogueRow, ...]
    categories: tuple[Category, ...] = ()
