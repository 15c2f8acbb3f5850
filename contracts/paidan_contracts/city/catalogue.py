"""The catalogue (立案标准): classes, their rows with time limits, and the sources' own categories."""

from typing import Annotated, Final, Literal

from pydantic import Field, StringConstraints

from paidan_contracts.city.organisation import SourceCategory
from paidan_contracts.city.pack_types import ClassCode, Name, Names, PackModel, RowId, Text, TimeLimit
from paidan_contracts.wire import Channel, MatterType, Slug

Evidence = Literal["photo_before", "photo_after", "position", "text", "document"]
CHECKED_EVIDENCE: Final[frozenset[Evidence]] = frozenset({"photo_after"})
"""What a finish is refused without. The rest may stand in a row and is checked by nobody: before the work there may be
no photo (a telephone call has none), and papers do not come with an answer."""


class CaseClass(PackModel):
    """A small class (小类) of components or events, such as ``E0110`` 暴露生活垃圾."""

    code: ClassCode
    names: Names
    big: Names = Field(description="Its big class (大类), such as 市容环境.")


class CatalogueRow(PackModel):
    """A row of the catalogue: one condition of a class, with its own limit and closing condition.

    Filing (立案) selects a row and not only a class; a case is closed by that row's closing condition.
    """

    id: RowId
    class_code: ClassCode
    condition: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9]{1,8}$")]
    default: bool = Field(default=False, description="Selected when neither report nor operator states a condition.")
    filing: Names = Field(description="立案条件.")
    closing: Names = Field(description="结案条件.")
    limit: TimeLimit | None = Field(default=None, description="处置时限; None: the city's default limit.")
    accept_limit: TimeLimit | None = Field(default=None, description="签收 limit; None: the city's.")
    evidence: tuple[Evidence, ...] = ()


class Category(PackModel):
    """A source's own category, and the class to which it is mapped.

    ``source`` is a source's id or, for all sources of a channel, the channel (``camera``); the entry of a source
    itself has precedence. An ``ignored`` category needs no action (a heartbeat, a word of thanks).
    """

    source: Slug | Channel
    word: SourceCategory
    class_code: ClassCode | None = None
    condition: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9]{1,8}$")] | None = None
    ignored: bool = False


class MatterWord(PackModel):
    """A source's own word of a matter (诉求类型), such as 投诉举报, and the matter type that it means."""

    source: Slug = Field(description="A source's id or, for all sources of a channel, the channel.")
    word: SourceCategory
    matter: MatterType


class Catalogue(PackModel):
    """All classes and rows. Its version is the pack's.

    Generations of the standard swap the event classes 04 and 05, so a code has no meaning without the version.
    """

    generation: Name = Field(description="The numbering that the codes follow, and their origin.")
    note: Text | None = None
    classes: tuple[CaseClass, ...]
    rows: tuple[CatalogueRow, ...]
    categories: tuple[Category, ...] = ()
    matters: tuple[MatterWord, ...] = ()
