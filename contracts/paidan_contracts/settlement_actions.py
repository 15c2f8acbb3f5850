"""The action of who settles a problem on the spot 自行处置."""

from typing import Literal

from pydantic import Field, model_validator

from paidan_contracts.lenient import require_coordinate_pair
from paidan_contracts.lenient_types import FreeText, OptionalLatitude, OptionalLongitude, OptionalText, PhotoRefs
from paidan_contracts.wire import WireModel


class Settle(WireModel):
    """自行处置: a patrol that found, or verified, the problem settled it on the spot; it counts as handled."""

    kind: Literal["settle"] = "settle"
    text: FreeText = ""
    proof: PhotoRefs = Field(default=(), description="Photos of afterwards; those of before are the report's.")
    latitude: OptionalLatitude = Field(default=None, description="Where the work was done: WGS-84, degrees.")
    longitude: OptionalLongitude = Field(default=None, description="Where the work was done: WGS-84, degrees.")
    answer: OptionalText = Field(
        default=None, description="What the reporters are told; None: the text, or a usual one."
    )

    _pair = model_validator(mode="after")(require_coordinate_pair)
