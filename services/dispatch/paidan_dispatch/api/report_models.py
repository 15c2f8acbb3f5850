"""What the routes about reports, callbacks and noted reports return."""

from datetime import datetime

from pydantic import BaseModel, Field

from paidan_contracts.lenient_types import RequiredText
from paidan_contracts.reports import JoinedReport
from paidan_contracts.wire import RequestModel


class CaseReport(BaseModel):
    """A report of a case: number 1 opened it, the others joined it. What is in the vault is not shown."""

    number: int
    report: JoinedReport


class CaseReportList(BaseModel):
    """A page of a case's reports, in order of their arrival."""

    case_id: str
    reports: list[CaseReport]
    after: int | None = Field(description="Value of `after` for the next page; null on the last page.")


class Callback(BaseModel):
    """A report whose reporter is to be called back; the call is recorded by `call_back` with its `report_id`."""

    case_id: str
    report_id: str
    report: JoinedReport | None = Field(description="Null for one that joined under release 0.1, which stored none.")
    class_code: str | None
    round: int
    closed_at: datetime | None
    answer: str | None = Field(description="The public answer, to be told.")


class CallbackList(BaseModel):
    """A page of callbacks, by the time of their case's first report. A case's callbacks are on one page."""

    callbacks: list[Callback]
    after: str | None = Field(description="Value of `after` for the next page; null on the last page.")


class NotedReport(BaseModel):
    """A report that was noted without a case, by which rule of which pack, and the answer to it."""

    report_id: str
    city: str
    area: str
    rule: str
    city_version: str
    recorded_at: datetime
    report: JoinedReport
    answer: str | None
    adopted: bool | None = Field(default=None, description="Of a suggestion: whether it is adopted.")
    answered_at: datetime | None


class NotedReportList(BaseModel):
    """A page of noted reports, oldest first."""

    reports: list[NotedReport]
    after: str | None = Field(description="Value of `after` for the next page; null on the last page.")


class ReplyBody(RequestModel, title="Reply"):
    """The public answer to a noted report, which its source may read."""

    text: RequiredText
    adopted: bool | None = Field(default=None, description="Of a suggestion: whether it is adopted.")
