"""Earlier rounds of a case, as the department sees them that is to do it again: why, and what it had sent. Pure."""

from collections.abc import Iterable
from datetime import datetime
from typing import Annotated, Any, Final, Literal

from pydantic import BaseModel, Field, TypeAdapter

from paidan_contracts.cases import CaseReopened, CaseReworked
from paidan_contracts.orders import Order

_ROUND_TYPES: Final = (b'"type":"case.reworked.v1"', b'"type":"case.reopened.v1"')
_STEP: Final[TypeAdapter[CaseReworked | CaseReopened]] = TypeAdapter(
    Annotated[CaseReworked | CaseReopened, Field(discriminator="type")]
)


class PastRound(BaseModel):
    """A round that was not the last: the inspection failed, or the reporter was dissatisfied with reason."""

    round: int
    ended_at: datetime
    because: Literal["rework", "reopened"]
    reason: str = Field(description="What the inspector, or whoever called back, wrote.")
    photos: tuple[str, ...] = Field(default=(), description="The inspector's.")
    text: str = Field(default="", description="The account of the department that led, when it had finished.")
    proof: tuple[str, ...] = Field(default=(), description="Its photos of the finished work.")


def past_rounds(events: Iterable[bytes], order: Order) -> tuple[PastRound, ...]:
    """Return the earlier rounds of an order's department, or of the one that it helps, from a case's stored events."""
    lead = order.lead or order.department
    # Most steps end no round, and hold the whole state: only those are read that may.
    steps = [_STEP.validate_json(each) for each in events if any(name in each for name in _ROUND_TYPES)]
    return tuple(_past_round(each) for each in steps if each.department == lead)


def _past_round(step: CaseReworked | CaseReopened) -> PastRound:
    assignment = step.state.assignments[-1]
    sent: dict[str, Any] = {"text": assignment.text, "proof": assignment.proof}
    is_rework = isinstance(step, CaseReworked)
    return PastRound(
        round=step.state.round - 1,
        ended_at=step.recorded_at,
        because="rework" if is_rework else "reopened",
        reason=step.reason,
        photos=step.proof if isinstance(step, CaseReworked) else (),
        **sent,
    )
