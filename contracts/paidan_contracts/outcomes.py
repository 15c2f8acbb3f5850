"""The outcome of each report and each action, by which intake and dispatch answer its sender."""

from typing import Literal

from pydantic import Field

from paidan_contracts.wire import Area, CaseId, Id, PositiveInt, ShortText, Text, Timestamp, WireModel

ReportResult = Literal["opened", "merged", "suppressed", "refused", "dead_lettered"]
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
    "unreadable",
    "invalid_field",
    "too_large",
]


class Refusal(WireModel, title="Why"):
    """The reason of a refusal: a code, the invalid field, and a message in English and in Chinese."""

    code: RefusalCode
    field: ShortText | None = None
    message: Text
    message_zh: Text


class OutcomeDecided(WireModel):
    """The outcome of a report or an action. Exactly one for each id.

    Published by dispatch on ``paidan.outcomes``, and by intake for alarms that screening suppressed. Read by intake
    and dispatch, to answer the sender. Keyed by the id of the report or action.
    """

    type: Literal["outcome.decided.v1"] = "outcome.decided.v1"
    id: Id
    about: Literal["report", "action"]
    result: ReportResult | ActionResult
    why: Refusal | None = None
    repeats: Id | None = Field(
        default=None,
        description="Of a refusal with an id of its own: the id that was used twice (id_reused), or that an alarm of an"
        " unknown source or city would have, and still has when it is sent again.",
    )
    area: Area | None = None
    case_id: CaseId | None = None
    case_version: PositiveInt | None = None
    decided_at: Timestamp
