"""Actions by which a case is raised to a level of the city's escalation ladder, and this is ended."""

from typing import Literal

from pydantic import Field

from paidan_contracts.lenient_types import FreeText, OptionalCode
from paidan_contracts.wire import WireModel


class Escalate(WireModel):
    """督办: the case is raised to a level of the city's ladder, with a reason; status and deadlines stay."""

    kind: Literal["escalate"] = "escalate"
    level: OptionalCode = Field(
        default=None, description="The pack's level; None: the one above the highest that stands."
    )
    reason: FreeText = ""


class EndEscalation(WireModel):
    """解除督办: an escalation is over, with a reason; it stays on the case as ended."""

    kind: Literal["end_escalation"] = "end_escalation"
    level: OptionalCode = Field(default=None, description="The level that ends; None: every one that stands.")
    reason: FreeText = ""
