"""A case as dispatch shows it to staff: its state, history and receipts; and to a department, its order."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from pydantic import BaseModel, ConfigDict, TypeAdapter, ValidationError

from paidan_contracts.case_event import CaseEvent
from paidan_contracts.cases import AnyCaseEvent
from paidan_contracts.orders import Order
from paidan_contracts.state import CaseState

_EVENT: Final[TypeAdapter[CaseEvent]] = TypeAdapter(AnyCaseEvent)


class ShownReceipt(BaseModel):
    """The rule of a decision, and the version of the pack that it is in."""

    model_config = ConfigDict(extra="ignore")

    decision: str
    rule: str
    city_version: str
    department: str | None = None


class ShownRound(BaseModel):
    """An earlier round: why a department's work is to be done again, the inspector's photos, and what it had sent."""

    model_config = ConfigDict(extra="ignore")

    round: int
    ended_at: datetime
    because: str
    reason: str = ""
    photos: tuple[str, ...] = ()
    text: str = ""
    proof: tuple[str, ...] = ()


_ROUNDS: Final = TypeAdapter(tuple[ShownRound, ...])


@dataclass(frozen=True, slots=True)
class CaseRecord:
    """What dispatch shows to staff. ``events`` leaves out steps that are newer than this release."""

    state: CaseState
    events: list[CaseEvent]
    receipts: list[ShownReceipt]
    chain_holds: bool
    unknown_steps: int


def parse_record(body: dict[str, Any]) -> CaseRecord | None:
    """Return what dispatch answered to staff; None for what is no such answer."""
    try:
        state = CaseState.model_validate(body["case"])
        receipts = [ShownReceipt.model_validate(each) for each in body["receipts"]]
        events = [_parse_event(each["event"]) for each in body["history"]]
        known = [each for each in events if each is not None]
        return CaseRecord(state, known, receipts, bool(body["chain_holds"]), len(events) - len(known))
    except (KeyError, TypeError, ValidationError):
        return None


def parse_order(body: dict[str, Any]) -> Order | None:
    """Return the order that dispatch answered to a department."""
    try:
        return Order.model_validate(body["order"])
    except (KeyError, TypeError, ValidationError):
        return None


def parse_rounds(body: dict[str, Any]) -> Sequence[ShownRound]:
    """Return the earlier rounds of an order, the newest first; empty where dispatch does not tell of them."""
    try:
        return _ROUNDS.validate_python(body.get("rounds", ()))[::-1]
    except ValidationError:
        return ()


def _parse_event(event: object) -> CaseEvent | None:
    try:
        return _EVENT.validate_python(event)
    except ValidationError:
        return None
