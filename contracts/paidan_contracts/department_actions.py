"""The answers of a department to its order: accept, return, finish."""

from typing import Annotated, Literal, TypeAlias

from pydantic import Field, model_validator

from paidan_contracts.extensible import ExtensibleEnum, Unknown
from paidan_contracts.lenient import require_coordinate_pair
from paidan_contracts.lenient_types import (
    FreeText,
    OptionalLatitude,
    OptionalLongitude,
    OptionalSlug,
    PhotoRefs,
    RequiredReason,
    RequiredWord,
)
from paidan_contracts.wire import WireModel


class UnitAnswer(WireModel):
    """Base of answers that a department may also give for a unit to which it handed the order on."""

    unit: OptionalSlug = Field(
        default=None, description="The unit for which the department answers; None: the sender answers for itself."
    )


class Accept(UnitAnswer):
    """签收: the department accepts the order."""

    kind: Literal["accept"] = "accept"


ReturnCode = Literal["not_our_area", "not_our_duty", "owner_unclear", "duplicate", "other"]
"""退单 reasons: 属地不符, 职能不符, 权属不清, 重复, 其他."""


AnyReturnCode: TypeAlias = Annotated[ReturnCode | Unknown, ExtensibleEnum()]


class Return(UnitAnswer):
    """退单: the department returns the order, because it is not responsible; the reason is mandatory."""

    kind: Literal["return"] = "return"
    code: Annotated[AnyReturnCode, RequiredWord]
    reason: RequiredReason


class Finish(UnitAnswer):
    """处置完成: the department has done the work; proof photos by reference, and where it was done, if that is told."""

    kind: Literal["finish"] = "finish"
    text: FreeText = ""
    proof: PhotoRefs = ()
    latitude: OptionalLatitude = Field(default=None, description="Where the work was done: WGS-84, degrees.")
    longitude: OptionalLongitude = Field(default=None, description="Where the work was done: WGS-84, degrees.")

    _pair = model_validator(mode="after")(require_coordinate_pair)
