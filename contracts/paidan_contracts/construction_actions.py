"""Actions on wishes for what does not exist yet: they go to a construction plan 建设计划, until they are built."""

from typing import Literal, TypeAlias

from pydantic import Field

from paidan_contracts.lenient_types import FreeText, OptionalText, PhotoRefs, RequiredReason, RequiredTime
from paidan_contracts.wire import WireModel


class PlanConstruction(WireModel):
    """列入建设计划: what is wished for is to be built by a date; while it is planned, it is planned anew by another."""

    kind: Literal["plan_construction"] = "plan_construction"
    due_at: RequiredTime = Field(description="By when it is to be built; without a zone it is the city's time.")
    reason: RequiredReason
    answer: OptionalText = Field(
        default=None, description="What the reporters are told; None: that it is planned, and by when."
    )


class StrikeOff(WireModel):
    """销号: it is built, and the case is closed."""

    kind: Literal["strike_off"] = "strike_off"
    text: FreeText = ""
    proof: PhotoRefs = ()
    answer: OptionalText = Field(default=None, description="What the reporters are told; None: a usual text.")


ConstructionAction: TypeAlias = PlanConstruction | StrikeOff
