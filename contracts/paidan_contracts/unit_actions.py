"""二级派遣: a department hands its order on inside itself, and confirms what its unit finished."""

from typing import Annotated, Literal

from pydantic import Field

from paidan_contracts.lenient_types import FreeText, OptionalId, RequiredSlug, RequiredWord, StatedTime
from paidan_contracts.wire import WireModel


class HandOn(WireModel):
    """二级派遣: the order is handed on to a unit or a person inside the department, which stays answerable for it.

    The unit answers as departments do: accept, return (to the department), finish. Handing on accepts the order, too.
    """

    kind: Literal["hand_on"] = "hand_on"
    unit: RequiredSlug = Field(description="A unit below the sender; the sender itself, where it names a person.")
    person: OptionalId = Field(default=None, description="An opaque id of the person who is to do it.")
    due_at: StatedTime = Field(
        default=None,
        description="End of the unit's time limit, before the department's; without a zone it is the city's time. None:"
        " by the terms of the city's pack.",
    )
    reason: FreeText = ""


class Confirm(WireModel):
    """确认: the department confirms what its unit finished, which goes to inspection; or the unit goes on."""

    kind: Literal["confirm"] = "confirm"
    confirmed: Annotated[bool, RequiredWord]
    reason: FreeText = ""
