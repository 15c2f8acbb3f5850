"""Models of request and response bodies."""

from datetime import datetime
from typing import Annotated, Literal

from pydantic import BaseModel, Field

from paidan_contracts.actions import Action
from paidan_contracts.cases import AnyCaseEvent
from paidan_contracts.orders import Order
from paidan_contracts.outcomes import Refusal
from paidan_contracts.state import CaseState, Status
from paidan_contracts.wire import CaseId, Id, RequestModel, SenderRef, Timestamp


class ActionBody(RequestModel, title="ActionAsked"):
    """Something to be done with a case."""

    action: Action
    occurred_at: Timestamp | None = Field(default=None, description="When it was done, as the sender claims.")


class ActionLine(ActionBody):
    """One line of a batch: an action, its sender's own id for it, and the case."""

    id: SenderRef
    case_id: CaseId
    of_report: Id | None = Field(default=None, description="Act on the case that this report is in.")


class ActionAccepted(BaseModel, title="Taken"):
    """The action is in the log; what becomes of it is told under its id."""

    action_id: str


class DryRunResult(BaseModel, title="Judged"):
    """What would become of an action in the case's present state; nothing was done."""

    dry_run: Literal[True] = True
    action_id: str
    result: Literal["applied", "refused"]
    status: Status | None = Field(description="The state that the case would be in.")
    why: Refusal | None = None


class OutcomeDetail(BaseModel, title="OutcomeShown"):
    """What became of a report or an action."""

    id: str
    about: Literal["report", "action"]
    result: str
    why: Refusal | None
    case_id: str | None
    case_version: int | None
    decided_at: datetime


class OutcomeLookup(RequestModel, title="Lookup"):
    """Ids whose outcomes are asked for."""

    ids: Annotated[tuple[Id, ...], Field(max_length=1000)]


class OutcomeList(BaseModel, title="Outcomes"):
    """Those that are decided; the others are not decided yet, or nobody knows them."""

    outcomes: list[OutcomeDetail]


class CaseList(BaseModel):
    """A page of cases, and how to ask for the next one."""

    cases: list[CaseState]
    after: str | None = Field(description="Give this as `after` to go on; null: there is no more.")


class Receipt(BaseModel):
    """Which rule of which version of the city's pack took a decision."""

    decision: Literal["filed", "placed"]
    rule: str
    city_version: str
    department: str | None = None


class HistoryEntry(BaseModel):
    """One step as published. ``chain`` is sha256(the step before's chain, 32 zero bytes at first, and the bytes)."""

    version: int
    chain: str
    event: AnyCaseEvent


class CaseDetail(BaseModel, title="CaseShown"):
    """A case with all that happened to it and the receipts of what was decided."""

    case_: CaseState = Field(alias="case")
    receipts: list[Receipt]
    history: list[HistoryEntry]
    chain_holds: bool = Field(description="Whether every link of the chain was found to fit.")


class OrderItem(BaseModel, title="OrderShown"):
    """An order of the department that asks, and where its case stands."""

    order: Order
    status: Status


class OrderList(BaseModel, title="Orders"):
    """All open orders of a department: the whole snapshot, for one that lost its place in its topic."""

    department: str
    as_of: datetime
    orders: list[OrderItem]
