"""The query parameters of the list of cases."""

from typing import Final, Literal

from pydantic import Field

from paidan_chassis.edge.cursors import CursorCodec, decode_after
from paidan_contracts.state import Status
from paidan_contracts.wire import Area, Code, RequestModel, SenderRef, Slug, Timestamp
from paidan_dispatch.api.case_filter import CaseFilter, PendingRequest
from paidan_dispatch.api.queries import PageKey

CURSORS: Final = CursorCodec(PageKey)


class CaseQuery(RequestModel):
    """Query parameters of the list of cases."""

    city: Slug | None = None
    area: Area | None = None
    status: list[Status] = Field(default=[], max_length=9)
    department: Slug | None = None
    class_code: Code | None = None
    number: SenderRef | None = Field(
        default=None, description="The case's number by the city's pattern, or a source's own number of its report."
    )
    words: str | None = Field(
        default=None,
        min_length=2,
        max_length=200,
        description="Words with spaces between them, each of which stands in what is told of a case: its words, its"
        " address, those of its newest reports; personal data are masked there. One request reads 2,000 cases: where"
        " few have the words a page holds fewer, even none, while `after` goes on.",
    )
    reported_from: Timestamp | None = None
    reported_until: Timestamp | None = None
    not_called_back: bool = Field(
        default=False,
        description="Only closed cases with a reporter who is to be called back; `/v1/callbacks` lists them by report.",
    )
    source: Slug | None = None
    place: Code | None = Field(default=None, description="A district, street or community.")
    held: bool = Field(default=False, description="Only cases that no rule routes, at the hard-to-place desk.")
    overdue: bool = Field(default=False, description="Only cases of which a running time limit has passed.")
    pending: PendingRequest | None = Field(
        default=None, description="Only cases with a request of this kind that waits for a decision; any: of any kind."
    )
    due: Literal["overdue", "soon", "in_time"] | None = Field(
        default=None,
        description="Only open cases whose traffic light is red, yellow or green, by the warnings that went out and the"
        " limits that passed.",
    )
    level: Code | None = Field(
        default=None, description="Only open cases of which this is the highest level of escalation that stands (督办)."
    )
    due_before: Timestamp | None = Field(
        default=None, description="Only open cases whose next clock, or its warning, is due before this time."
    )
    work_grid: Slug | None = Field(
        default=None, description="Only cases in this work grid (责任网格) of the city, by its pack in force."
    )
    leader: Code | None = Field(default=None, description="Only cases for which the leader with this post answers.")
    office: Slug | None = Field(default=None, description="Only cases for which this office answers (牵头处室).")
    unit: Slug | None = Field(default=None, description="Only cases for which this unit answers (责任单位).")
    planned: bool = Field(default=False, description="Only cases in the construction plan (建设计划).")
    verifier: Code | None = Field(
        default=None, description="Only cases that this post is to verify on site: its tasks (核实)."
    )
    order: Literal["newest", "oldest"] = "newest"
    after: str | None = Field(default=None, max_length=300, description="The `after` of the previous page.")
    limit: int = Field(default=100, ge=1, le=500)

    def to_filter(self, city: str | None) -> CaseFilter:
        """Return the filter for the query. Raises Problem 422 for an invalid ``after``."""
        answers = (("leader", self.leader), ("office", self.office), ("unit", self.unit))
        return CaseFilter(
            city=city,
            area=self.area,
            statuses=tuple(self.status),
            department=self.department,
            class_code=self.class_code,
            number=self.number,
            words=tuple((self.words or "").split()),
            source=self.source,
            place=self.place,
            answered_by=[f"{kind}={each}" for kind, each in answers if each is not None],
            reported_from=self.reported_from,
            reported_until=self.reported_until,
            not_called_back=self.not_called_back,
            held=self.held,
            planned=self.planned,
            verifier=self.verifier,
            overdue=self.overdue or self.due == "overdue",
            pending=self.pending,
            due_soon=self.due == "soon",
            in_time=self.due == "in_time",
            level=self.level,
            due_before=self.due_before,
            oldest_first=self.order == "oldest",
            after=decode_after(CURSORS, self.after),
            limit=self.limit,
        )
