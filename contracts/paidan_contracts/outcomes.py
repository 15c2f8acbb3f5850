"""The outcome of each report and each action, by which intake and dispatch answer its sender."""

from typing import Annotated, Literal, TypeAlias

from pydantic import Field

from paidan_contracts.extensible import ExtensibleEnum, Unknown
from paidan_contracts.wire import (
    Area,
    CaseId,
    Channel,
    Code,
    Digest,
    Id,
    PositiveInt,
    ShortText,
    Slug,
    Text,
    Timestamp,
    WireModel,
)

ReportResult = Literal["opened", "merged", "suppressed", "noted", "refused", "dead_lettered"]
ActionResult = Literal["applied", "refused", "dead_lettered"]
RefusalCode = Literal[
    "not_allowed_in_state",
    "not_supported_yet",
    "not_your_order",
    "not_your_role",
    "unknown_case",
    "unknown_department",
    "unknown_row",
    "unknown_class",
    "unknown_area",
    "unknown_city",
    "id_reused",
    "reason_missing",
    "proof_missing",
    "doer_may_not_inspect",
    "already_reopened",
    "calendar_ended",
    "merged_report",
    "alarm_refired",
    "alarm_below_confidence",
    "alarm_too_brief",
    "alarm_ignored",
    "unknown_source",
    "not_your_source",
    "unreadable",
    "invalid_field",
    "duplicate_key",
    "too_large",
    "unknown_action",
    "unknown_report",
    "unknown_photo",
    "photo_used",
    "not_an_import",
    "acts_through_bureau",
    "no_enforcement_rights",
    "not_your_place",
    "not_your_duty",
    "unknown_level",
    "already_escalated",
    "not_escalated",
    "not_your_task",
    "unknown_post",
    "unknown_emergency",
    "already_declared",
]
AnyResult: TypeAlias = Annotated[ReportResult | ActionResult | Unknown, ExtensibleEnum()]
AnyRefusalCode: TypeAlias = Annotated[RefusalCode | Unknown, ExtensibleEnum()]


class Refusal(WireModel, title="Why"):
    """The reason of a refusal: a code, the invalid field, and a message in English and in Chinese."""

    code: AnyRefusalCode
    field: ShortText | None = None
    message: Text
    message_zh: Text


class OutcomeDecided(WireModel):
    """The outcome of a report or an action. Exactly one for each id.

    Published by dispatch on ``paidan.outcomes``, and by intake for alarms that screening suppressed. Read by intake
    and dispatch, to answer the sender, and by the cockpit, to count what opens no case. Keyed by the id of the report
    or action.
    """

    type: Literal["outcome.decided.v1"] = "outcome.decided.v1"
    id: Id
    about: Literal["report", "action"]
    result: AnyResult
    why: Refusal | None = None
    repeats: Id | None = Field(
        default=None,
        description="Of a refusal with an id of its own: the id that was used twice (id_reused), or that an alarm of an"
        " unknown source or city would have, and still has when it is sent again.",
    )
    area: Area | None = None
    case_id: CaseId | None = None
    case_version: PositiveInt | None = None
    rule: Code | None = Field(
        default=None, description="Of a noted report: the rule of the city's pack that decided so."
    )
    city_version: Digest | None = Field(default=None, description="Version of the pack that the rule is in.")
    source: Slug | None = Field(
        default=None,
        description="Of a merged or noted report or a suppressed alarm, which opens no case that would tell:"
        " its source.",
    )
    channel: Channel | None = Field(default=None, description="Of a merged or noted report or a suppressed alarm.")
    recorded_at: Timestamp | None = Field(
        default=None,
        description="Of a merged or noted report: when it was received. Of a suppressed alarm: when screening"
        " suppressed it. It is counted on that day.",
    )
    decided_at: Timestamp


class ReportReplied(WireModel):
    """答复: the public answer to a report that was noted, which its source may read.

    Published by dispatch on ``paidan.outcomes``. Read by intake, to answer the sender. Keyed by ``report_id``.
    """

    type: Literal["report.replied.v1"] = "report.replied.v1"
    report_id: Id
    action_id: Id = Field(description="The action that replied; the latest reply is the answer.")
    text: Text
    adopted: bool | None = Field(default=None, description="Of a suggestion: whether it is adopted.")
    replied_at: Timestamp
