"""Actions on a case: one model for each, a department's answer, and the request that enters the inbox."""

from typing import Annotated, Literal, TypeAlias

from pydantic import Field

from paidan_contracts.wire import (
    Area,
    CaseId,
    Code,
    Digest,
    Id,
    NonNegativeInt,
    PhotoRef,
    Reason,
    SenderRef,
    Slug,
    Text,
    Timestamp,
    WireModel,
)


class Verify(WireModel):
    """核实: what was reported is true, or not."""

    kind: Literal["verify"] = "verify"
    verified: bool
    reason: Text = ""


class File(WireModel):
    """立案: file the case against the catalogue row whose condition holds; its limit and closing condition follow."""

    kind: Literal["file"] = "file"
    row_id: Code
    reason: Text = ""


class Assign(WireModel):
    """派遣 by hand, from the hard-to-place desk: the department that must act, and why."""

    kind: Literal["assign"] = "assign"
    department: Slug
    reason: Reason


class Redispatch(WireModel):
    """重派: take the order from one department and give it to another."""

    kind: Literal["redispatch"] = "redispatch"
    department: Slug
    reason: Reason


class Accept(WireModel):
    """签收: the department takes the order."""

    kind: Literal["accept"] = "accept"


ReturnCode = Literal["not_our_area", "not_our_duty", "owner_unclear", "duplicate", "other"]
"""退单 reasons: 属地不符, 职能不符, 权属不清, 重复, 其他."""


class Return(WireModel):
    """退单: the department says that the order is not its own; the reason is mandatory."""

    kind: Literal["return"] = "return"
    code: ReturnCode
    reason: Reason


class Finish(WireModel):
    """处置完成: the work is done; proof photos by reference."""

    kind: Literal["finish"] = "finish"
    text: Text = ""
    proof: tuple[PhotoRef, ...] = Field(default=(), max_length=20)


class Inspect(WireModel):
    """核查: someone other than the doer looks, and says whether the row's closing condition is met."""

    kind: Literal["inspect"] = "inspect"
    passed: bool
    reason: Text = ""
    proof: tuple[PhotoRef, ...] = Field(default=(), max_length=20)


Rating = Literal["satisfied", "basically_satisfied", "dissatisfied", "no_answer"]
"""满意, 基本满意, 不满意, 未评价."""


class CallBack(WireModel):
    """回访: what the resident says. Not satisfied and judged reasonable reopens the case, once."""

    kind: Literal["call_back"] = "call_back"
    rating: Rating
    solved: Literal["solved", "partly", "unsolved"] | None = None
    reasonable: bool = Field(default=True, description="Of a dissatisfied rating: judged reasonable (合理差评).")
    reason: Text = ""


class Void(WireModel):
    """作废: the case should not have been; the reason is mandatory."""

    kind: Literal["void"] = "void"
    reason: Reason


class Urge(WireModel):
    """催办: remind the department; the state does not change."""

    kind: Literal["urge"] = "urge"
    reason: Text = ""


class _NotSupportedYet(WireModel):
    """An action of the trade that may be sent already and is refused with ``not_supported_yet``."""

    def __init_subclass__(cls, *, zh: str) -> None:
        """Describe the action: each differs from the others in its name alone."""
        super().__init_subclass__()
        cls.__doc__ = f"{zh}. Not supported yet: refused as such."


class AskExtension(_NotSupportedYet, zh="延期"):
    kind: Literal["ask_extension"] = "ask_extension"
    reason: Text = ""


class AskSuspension(_NotSupportedYet, zh="挂账"):
    kind: Literal["ask_suspension"] = "ask_suspension"
    reason: Text = ""


class Resume(_NotSupportedYet, zh="恢复"):
    kind: Literal["resume"] = "resume"


class Adjudicate(_NotSupportedYet, zh="审定"):
    kind: Literal["adjudicate"] = "adjudicate"
    reason: Text = ""


class CoHandle(_NotSupportedYet, zh="协办"):
    kind: Literal["co_handle"] = "co_handle"
    reason: Text = ""


class Escalate(_NotSupportedYet, zh="督办"):
    kind: Literal["escalate"] = "escalate"
    reason: Text = ""


class Appeal(_NotSupportedYet, zh="申诉"):
    kind: Literal["appeal"] = "appeal"
    reason: Text = ""


class ForceClose(_NotSupportedYet, zh="强制结案"):
    kind: Literal["force_close"] = "force_close"
    reason: Text = ""


UnsupportedAction: TypeAlias = (
    AskExtension | AskSuspension | Resume | Adjudicate | CoHandle | Escalate | Appeal | ForceClose
)
SupportedAction: TypeAlias = (
    Verify | File | Assign | Redispatch | Accept | Return | Finish | Inspect | CallBack | Void | Urge
)
Action: TypeAlias = Annotated[SupportedAction | UnsupportedAction, Field(discriminator="kind")]


class Actor(WireModel):
    """Who acts: what the answers topic or the API key says, never what the message claims."""

    kind: Literal["department", "inspector", "caller", "operator", "importer", "source"]
    id: Slug


class Answer(WireModel):
    """What a department writes on its own topic ``paidan.answers.<department>``, in plain JSON.

    Written by that department alone. Read by dispatch's desk, which knows by the topic who speaks and puts it in the
    inbox. Keyed by ``case_id``.
    """

    case_id: CaseId
    id: Annotated[str, Field(min_length=1, max_length=200, pattern=r"^[^\x00]*$")] | None = Field(
        default=None, description="The department's own id for this answer; a repeat with the same id is dropped."
    )
    occurred_at: Timestamp | None = Field(default=None, description="When it was done, as the department claims.")
    action: Action


class ActionRequested(WireModel):
    """Somebody wants a step taken; whether it is allowed is judged in the lane, in order.

    Published by dispatch's desk on ``paidan.inbox``. Read by dispatch. Keyed by the case's area.
    """

    type: Literal["action.requested.v1"] = "action.requested.v1"
    action_id: Id
    case_id: CaseId
    of_report: Id | None = Field(
        default=None,
        description="Act on the case that this report is in, opened or merged, which only the lane knows; case_id then"
        " is the one it would have opened. Voiding or not accepting a case through a merged report is refused.",
    )
    area: Area
    actor: Actor
    door: Literal["kafka", "http", "import"]
    digest: Digest
    sender_ref: SenderRef | None = Field(default=None, description="The sender's own id for it, named in a refusal.")
    answer_partition: NonNegativeInt | None = Field(
        default=None, description="Where a department's answer stands in its topic."
    )
    answer_offset: NonNegativeInt | None = None
    occurred_at: Timestamp
    recorded_at: Timestamp
    action: Action
