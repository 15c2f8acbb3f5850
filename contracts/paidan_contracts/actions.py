"""Actions on a case: one model for each, a department's answer, and the request that enters the inbox."""

from typing import Annotated, Final, Literal, TypeAlias, get_args

from pydantic import ConfigDict, Field, field_validator, model_validator
from pydantic_core import PydanticCustomError

from paidan_contracts.construction_actions import ConstructionAction
from paidan_contracts.department_actions import Accept, Finish, Return
from paidan_contracts.emergency_actions import CityAction
from paidan_contracts.escalation_actions import EndEscalation, Escalate
from paidan_contracts.extensible import VALUE_PATTERN, ExtensibleUnion, kind_of_model
from paidan_contracts.lenient import require_coordinate_pair
from paidan_contracts.lenient_types import (
    FlagOrTrue,
    FreeText,
    OptionalCode,
    OptionalLatitude,
    OptionalLongitude,
    OptionalRef,
    OptionalSlug,
    OptionalText,
    OptionalTimestamp,
    OptionalWord,
    PhotoRefs,
    RequiredCode,
    RequiredReason,
    RequiredSlug,
    RequiredText,
    RequiredWord,
    StatedTime,
)
from paidan_contracts.record_actions import AddNote, Correct
from paidan_contracts.settlement_actions import Settle
from paidan_contracts.time_limit_actions import TimeLimitAction
from paidan_contracts.unit_actions import Confirm, HandOn
from paidan_contracts.unsupported_actions import UnsupportedAction
from paidan_contracts.verification_actions import VerificationAction
from paidan_contracts.wire import Area, CaseId, Code, Digest, Id, NonNegativeInt, SenderRef, Slug, Timestamp, WireModel


class Verify(WireModel):
    """核实: verification that the reported problem exists, or that it does not."""

    kind: Literal["verify"] = "verify"
    verified: Annotated[bool, RequiredWord]
    reason: FreeText = ""
    answer: OptionalText = Field(
        default=None, description="Of one that is not verified: what its reporters are told; the reason is internal."
    )
    proof: PhotoRefs = ()
    latitude: OptionalLatitude = Field(default=None, description="Where it was looked at: WGS-84, degrees.")
    longitude: OptionalLongitude = Field(default=None, description="Where it was looked at: WGS-84, degrees.")

    _pair = model_validator(mode="after")(require_coordinate_pair)


class File(WireModel):
    """立案: file the case under the catalogue row whose condition holds; it sets time limit and closing condition."""

    kind: Literal["file"] = "file"
    row_id: RequiredCode
    reason: FreeText = ""


class Assign(WireModel):
    """派遣 by hand, from the hard-to-place desk: the department that must handle the case, and the reason."""

    kind: Literal["assign"] = "assign"
    department: RequiredSlug
    reason: RequiredReason


class Redispatch(WireModel):
    """重派: withdraw the order from one department and issue it to another."""

    kind: Literal["redispatch"] = "redispatch"
    department: RequiredSlug
    reason: RequiredReason


class Inspect(WireModel):
    """核查: an inspection, by someone else than who did the work, of whether the row's closing condition is met."""

    kind: Literal["inspect"] = "inspect"
    passed: Annotated[bool, RequiredWord]
    reason: FreeText = ""
    proof: PhotoRefs = ()
    answer: OptionalText = Field(
        default=None, description="What the reporters are told when it passed; None: the department's last account."
    )


Rating = Literal["satisfied", "basically_satisfied", "dissatisfied", "no_answer"]
"""满意, 基本满意, 不满意, 未评价."""


class CallBack(WireModel):
    """回访: the resident's rating. Dissatisfied and judged reasonable, it reopens the case, once."""

    kind: Literal["call_back"] = "call_back"
    report_id: Annotated[Id | None, OptionalWord] = Field(
        default=None, description="The report whose reporter was called; None: the one that opened the case."
    )
    rating: Annotated[Rating, RequiredWord]
    solved: Annotated[Literal["solved", "partly", "unsolved"] | None, OptionalWord] = None
    reasonable: FlagOrTrue = Field(
        default=True, description="Whether a dissatisfied rating is judged reasonable (合理差评)."
    )
    reason: FreeText = ""


class Void(WireModel):
    """作废: the case should not exist; the reason is mandatory."""

    kind: Literal["void"] = "void"
    reason: RequiredReason
    answer: OptionalText = Field(default=None, description="What the reporters are told; the reason is internal.")


class Urge(WireModel):
    """催办: a reminder to the department; the state does not change."""

    kind: Literal["urge"] = "urge"
    reason: FreeText = ""


class Amend(WireModel):
    """修正: correct what an imported record said, from a later export or a mended mapping; imported pasts only."""

    kind: Literal["amend"] = "amend"
    promised_by: OptionalTimestamp = None
    occurred_at: OptionalTimestamp = None
    closed_at: OptionalTimestamp = None
    row_id: OptionalCode = None
    department: OptionalSlug = Field(default=None, description="The department that was responsible by the record.")
    text: OptionalText = None
    reason: RequiredReason


class Reply(WireModel):
    """答复: the public answer to a report that was noted and opened no case; the action names it by ``of_report``."""

    kind: Literal["reply"] = "reply"
    text: RequiredText
    adopted: Annotated[bool | None, OptionalWord] = Field(
        default=None, description="Of a suggestion (建议): whether it is adopted (采纳)."
    )


SupportedAction: TypeAlias = (
    Verify
    | File
    | Assign
    | Redispatch
    | Accept
    | Return
    | Finish
    | Inspect
    | CallBack
    | Void
    | Urge
    | Amend
    | Reply
    | Correct
    | AddNote
    | HandOn
    | Confirm
    | (Escalate | EndEscalation)
    | TimeLimitAction
    | (VerificationAction | ConstructionAction | Settle)
)
KnownAction: TypeAlias = Annotated[SupportedAction | UnsupportedAction, Field(discriminator="kind")]
"""What HTTP requests may hold: an unknown kind is a mistake there, and is refused at once."""
KNOWN_ACTION_KINDS: Final = frozenset(
    kind_of_model(model) for model in (*get_args(SupportedAction), *get_args(CityAction), *get_args(UnsupportedAction))
)


class UnknownAction(WireModel):
    """An action of a kind that this release does not know: kept as it is, and refused with ``unknown_action``."""

    model_config = ConfigDict(extra="allow")

    kind: Annotated[str, Field(pattern=VALUE_PATTERN, json_schema_extra={"not": {"enum": sorted(KNOWN_ACTION_KINDS)}})]

    @field_validator("kind")
    @classmethod
    def _refuse_known(cls, kind: str) -> str:
        if kind in KNOWN_ACTION_KINDS:
            raise PydanticCustomError("known_kind", "the kind is known, and its fields are invalid")
        return kind


Action: TypeAlias = Annotated[SupportedAction | CityAction | UnsupportedAction | UnknownAction, ExtensibleUnion()]


class Actor(WireModel):
    """Who acts, by the answers topic or the API key; never what the message claims."""

    kind: Literal["department", "inspector", "caller", "operator", "importer", "source"]
    id: Slug
    member: Slug | None = Field(default=None, description="The department to which the person belongs, by the key.")
    person: Id | None = Field(default=None, description="An opaque id of the person, where a person signed in.")
    post: Code | None = Field(default=None, description="The person's post, where a person signed in.")


class Answer(WireModel):
    """A department's answer to an order, in plain JSON, on its own topic ``paidan.answers.<department>``.

    Published by that department alone, which is identified by the topic. Read by dispatch, which forwards it to the
    inbox. Keyed by ``case_id``. Null and blanks are absent, a number is its text, a time without a zone the city's.
    """

    case_id: Annotated[CaseId, RequiredWord]
    id: OptionalRef = Field(
        default=None, description="The department's own id of this answer; a repeat with the same id is ignored."
    )
    occurred_at: StatedTime = Field(default=None, description="When it was done, by the department's account.")
    action: Action


class ActionRequested(WireModel):
    """An action on a case is requested; whether it is allowed is decided when dispatch reads it, in order.

    Published by dispatch on ``paidan.inbox``. Read by dispatch. Keyed by the case's area.
    """

    type: Literal["action.requested.v1"] = "action.requested.v1"
    action_id: Id
    case_id: CaseId
    of_report: Id | None = Field(
        default=None,
        description="The action is meant for the case that this report opened or was merged into; case_id is the one"
        " that it would have opened. Voiding or not accepting a case through a merged report is refused.",
    )
    area: Area
    actor: Actor
    door: Literal["kafka", "http", "import"]
    digest: Digest
    sender_ref: SenderRef | None = Field(
        default=None, description="The sender's own id of the action, repeated in a refusal."
    )
    answer_partition: NonNegativeInt | None = Field(
        default=None, description="Partition of a department's answer in its topic."
    )
    answer_offset: NonNegativeInt | None = None
    occurred_at: Timestamp
    recorded_at: Timestamp
    action: Action
