"""Actions that keep a case's record right and complete: corrections of what it says, and notes on it."""

from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, model_validator

from paidan_contracts import lenient
from paidan_contracts.lenient import require_coordinate_pair
from paidan_contracts.lenient_types import (
    OptionalCode,
    OptionalLatitude,
    OptionalLongitude,
    OptionalSlug,
    OptionalText,
    OptionalWord,
    RequiredReason,
    RequiredText,
)
from paidan_contracts.wire import Text, WireModel

_OptionalAddress = Annotated[Annotated[Text, Field(max_length=200)] | None, BeforeValidator(lenient.optional_text)]


class Correct(WireModel):
    """更正: an operator corrects what a running case says: place, words, class or row, or who is responsible for it.

    Another row's limit replaces the running one from its beginning; a case that has no department yet is routed again,
    and otherwise its department is told. ``amend`` corrects imported pasts, which have neither orders nor limits.
    """

    kind: Literal["correct"] = "correct"
    latitude: OptionalLatitude = Field(default=None, description="Of the problem: WGS-84, degrees.")
    longitude: OptionalLongitude = Field(default=None, description="Of the problem: WGS-84, degrees.")
    district: OptionalCode = Field(
        default=None,
        description="District, street or community, of a case whose position is unknown or lies in none of them.",
    )
    address: _OptionalAddress = None
    text: OptionalText = None
    class_code: OptionalCode = Field(default=None, description="Without a row: its default row applies.")
    row_id: OptionalCode = None
    department: OptionalSlug = Field(
        default=None, description="The department that is responsible: it receives the order, another one loses it."
    )
    complained_of: OptionalSlug = Field(
        default=None, description="The department whose handling the report complains of; it never gets the order."
    )
    reason: RequiredReason

    _pair = model_validator(mode="after")(require_coordinate_pair)


class AddNote(WireModel):
    """备注: words on a case that change nothing in it, for the staff alone or for its departments, too."""

    kind: Literal["note"] = "note"
    text: RequiredText
    visible_to: Annotated[Literal["internal", "department"] | None, OptionalWord] = Field(
        default=None, description="department: those that have an order in the case read it; None: internal."
    )
