"""Case numbers (案卷编号): the pattern by which a city numbers its cases."""

from typing import Annotated

from pydantic import Field, StringConstraints

from paidan_contracts.city.pack_types import PackModel

NumberPattern = Annotated[
    str,
    StringConstraints(
        pattern=r"^([A-Za-z0-9]|\{class\}|\{district\}|\{yyyyMMdd\})*\{seq[3-8]\}$", min_length=6, max_length=60
    ),
]
"""Letters and digits with ``{class}``, ``{district}``, ``{yyyyMMdd}`` and, last, ``{seq4}``: four digits of serial."""


class CaseNumbering(PackModel):
    """How a city numbers its cases: ``{class}{yyyyMMdd}{seq4}`` makes E0110202603020001.

    The serial counts the cases of an area on a local day, by the time of the report that opens each. One that has more
    digits than the pattern gives it has them all, so that no two cases have one number.
    """

    pattern: NumberPattern | None = Field(default=None, description="None: the city gives its cases no numbers.")
    unclassified: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9]{1,8}$")] = Field(
        default="X0000", description="In place of the class of a case that had none when it was opened."
    )
    source_refs: bool = Field(
        default=False,
        description="Whether a source's own number of a report stands on its case, for the staff and departments to"
        " see; never that of a machine's alarm, nor of a confidential report.",
    )
