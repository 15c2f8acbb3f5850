"""Models of request and response bodies."""

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field

from paidan_contracts.actions import KnownAction
from paidan_contracts.cases import AnyCaseEvent
from paidan_contracts.city.pack_types import Names
from paidan_contracts.lenient_types import OptionalId, RequiredCaseId, RequiredRef, StatedTime
from paidan_contracts.orders import Order
from paidan_contracts.outcomes import Refusal
from paidan_contracts.state import CaseState, Status
from paidan_contracts.traffic_light import Light, LimitLight
from paidan_contracts.wire import CaseId, Code, Id, PositiveInt, RequestModel, without_unknown_fields
from paidan_dispatch.api.rounds import PastRound


class ActionBody(RequestModel, title="ActionAsked"):
    """An action on a case.

    Null and blank text mean that a field is absent; a number is taken as its text, a time without a zone as the city's.
    """

    action: Annotated[KnownAction, without_unknown_fields(KnownAction)]
    occurred_at: StatedTime = Field(default=None, description="When it was done, by the sender's account.")
    of_report: OptionalId = Field(
        default=None, description="Act on the case that this report is in; a source names a report of its own."
    )


class ActionLine(ActionBody):
    """One line of a batch: an action, its sender's own id for it, and the case."""

    id: RequiredRef
    case_id: RequiredCaseId


class ActionAccepted(BaseModel, title="Taken"):
    """The action is accepted; its outcome can be read under its id.

    The repeat of one that was refused is told so again: an id is decided once, and a new try needs a new one.
    """

    action_id: str
    result: Literal["refused"] | None = None
    why: Refusal | None = None


class CaseAction(BaseModel):
    """A kind of action: whether the caller may take it now, and the form of its request."""

    kind: str
    names: Names
    allowed: bool
    why: Refusal | None = Field(
        description="Of one that is not allowed: as it would be refused if it were sent, but for what is allowed"
        " instead, which the list shows."
    )
    body_schema: dict[str, Any] = Field(
        description="JSON Schema of the body of `POST /v1/cases/{case_id}/actions`, to draw a form from. Titles and"
        " descriptions are English, `x-title-zh` and `x-description-zh` Chinese; values to choose from are in `oneOf`."
    )


class OrderItem(BaseModel, title="OrderShown"):
    """An order of the calling department, and the status of its case."""

    order: Order
    status: Status
    light: Light | None = Field(default=None, description="The worst of this order's running limits. Null: none runs.")
    lights: tuple[LimitLight, ...] = Field(default=(), description="Of each limit of this order that runs.")
    rounds: tuple[PastRound, ...] = Field(
        default=(), description="Why it is to be done again, oldest first; not in lists of orders."
    )
    priority: PositiveInt | None = Field(
        default=None,
        description="In lists, of a case that comes first by an emergency or event (应急响应, 重大活动保障).",
    )


class CaseActions(BaseModel):
    """What the caller may do with a case at this version."""

    case_id: str
    case_version: int
    status: Status
    actions: list[CaseAction]
    order: OrderItem | None = Field(default=None, description="Of a department that asks: its open order in the case.")


class CaseActionsLookup(RequestModel):
    """The cases about which is asked, and the kinds of action."""

    case_ids: Annotated[tuple[CaseId, ...], Field(max_length=100)]
    kinds: Annotated[tuple[Code, ...], Field(max_length=100)] = Field(
        default=(), description="Only these kinds of action; every kind if none is named."
    )


class CaseActionsList(BaseModel):
    """What the caller may do with each of these cases; the others do not exist, or are not the caller's to see."""

    cases: list[CaseActions]


class DryRunResult(BaseModel, title="Judged"):
    """The outcome that an action would have in the case's current state; nothing was changed."""

    dry_run: Literal[True] = True
    action_id: str
    result: Literal["applied", "refused"]
    status: Status | None = Field(description="The status that the case would have.")
    why: Refusal | None = None


class OutcomeDetail(BaseModel, title="OutcomeShown"):
    """The outcome of a report or an action."""

    id: str
    about: Literal["report", "action"]
    result: str
    why: Refusal | None
    case_id: str | None
    case_version: int | None
    decided_at: datetime


class OutcomeLookup(RequestModel, title="Lookup"):
    """The ids whose outcomes are requested."""

    ids: Annotated[tuple[Id, ...], Field(max_length=1000)]


class OutcomeList(BaseModel, title="Outcomes"):
    """The outcomes that are decided; the other ids are not decided yet, or unknown."""

    outcomes: list[OutcomeDetail]


class ListedCase(CaseState):
    """A case as a list shows it, with its traffic light at the time of the answer."""

    light: Light | None = Field(
        description="The worst of the running limits, but for helpers': green, yellow from the pack's `warn_at` on, red"
        " once one has passed. Null: no limit runs."
    )
    lights: tuple[LimitLight, ...] = Field(description="Of each limit that runs, those of helpers last.")
    priority: PositiveInt | None = Field(
        default=None,
        description="In lists, of a case that comes first by an emergency or event (应急响应, 重大活动保障).",
    )


class CaseList(BaseModel):
    """A page of cases, and the cursor of the next one."""

    cases: list[ListedCase]
    after: str | None = Field(
        description="Value of `after` for the next page, also of a page with fewer cases than `limit`;"
        " null on the last page."
    )


class Receipt(BaseModel):
    """The rule of a decision, and the version of the city's pack that it is in."""

    decision: Literal["verified", "filed", "placed", "helped", "rated", "answerable"]
    rule: str
    city_version: str
    department: str | None = None


class HistoryEntry(BaseModel):
    """A published event. ``chain`` is SHA-256 of the chain before (at first 32 zero bytes) and the event's bytes."""

    version: int
    chain: str
    event: AnyCaseEvent


class WorkGridPost(BaseModel):
    """A post whose people look after a work grid. Who they are, the pack does not say."""

    id: str
    names: Names
    duty: str


class CaseWorkGrid(BaseModel):
    """The work grid (责任网格) in which a case lies, by the pack in force, and the posts of it."""

    id: str
    names: Names
    posts: list[WorkGridPost]


class CaseDetail(BaseModel, title="CaseShown"):
    """A case with its history and the receipts of its decisions."""

    case_: ListedCase = Field(alias="case")
    receipts: list[Receipt]
    history: list[HistoryEntry]
    chain_holds: bool = Field(description="Whether every link of the chain is valid.")
    work_grid: CaseWorkGrid | None = Field(description="Null where no work grid of the city covers its place.")


class OrderList(BaseModel, title="Orders"):
    """A page of a department's open orders: all pages are a snapshot, for one that lost its position in its topic."""

    department: str
    as_of: datetime
    orders: list[OrderItem]
    after: str | None = Field(default=None, description="Value of `after` for the next page; null on the last page.")
