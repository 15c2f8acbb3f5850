"""Actions of verification 核实 as a task: it is given to a patrol, which may also answer that it cannot tell."""

from typing import Literal, TypeAlias

from pydantic import Field, model_validator

from paidan_contracts.lenient import require_coordinate_pair
from paidan_contracts.lenient_types import (
    FreeText,
    OptionalCode,
    OptionalLatitude,
    OptionalLongitude,
    PhotoRefs,
    RequiredReason,
)
from paidan_contracts.wire import WireModel


class AssignVerification(WireModel):
    """派发核实: give the verification to a patrol, or to another one; its time limit begins anew."""

    kind: Literal["assign_verification"] = "assign_verification"
    post: OptionalCode = Field(
        default=None, description="The post that is to verify; None: the pack's next for the place and class."
    )
    reason: FreeText = ""


class CannotVerify(WireModel):
    """无法核实: on site it could not be told whether the problem exists; the case waits for another verification."""

    kind: Literal["cannot_verify"] = "cannot_verify"
    reason: RequiredReason
    proof: PhotoRefs = ()
    latitude: OptionalLatitude = Field(default=None, description="Where it was looked at: WGS-84, degrees.")
    longitude: OptionalLongitude = Field(default=None, description="Where it was looked at: WGS-84, degrees.")

    _pair = model_validator(mode="after")(require_coordinate_pair)


VerificationAction: TypeAlias = AssignVerification | CannotVerify
