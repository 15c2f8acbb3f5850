"""Why an action is refused, in words for its sender: each names the state of the case and what is allowed in it."""

from paidan_contracts.actions import Action, ActionRequested, Assign, Redispatch, Return, Verify, Void
from paidan_contracts.outcomes import Refusal, RefusalCode
from paidan_contracts.state import CaseState
from paidan_dispatch.cases.bilingual import Bilingual
from paidan_dispatch.cases.table import (
    ALLOWED_ACTIONS,
    SUPPORTED,
    allowed_text,
    role_may,
)


def build_refusal(state: CaseState, code: RefusalCode, text: Bilingual, field: str | None = None) -> Refusal:
    """Put a refusal into words; it ends with the state and what is allowed in it."""
    allowed = allowed_text(state.status)
    return Refusal(code=code, field=field, message=f"{text.en} {allowed.en}", message_zh=f"{text.zh}{allowed.zh}")


def find_refusal(state: CaseState, request: ActionRequested) -> Refusal | None:
    """Find what stands against an action, whatever it says in detail: who asks, of which case, in which state."""
    return (
        _role_refusal(state, request)
        or _state_refusal(state, request)
        or _missing_reason_refusal(state, request.action)
    )


def not_supported_yet(state: CaseState, kind: str) -> Refusal:
    """Say that an action has a name here but no effect yet."""
    text = Bilingual(f"The action {kind} is not supported yet.", f"尚不支持操作 {kind}。")
    return build_refusal(state, "not_supported_yet", text, "action.kind")


def calendar_ended(state: CaseState) -> Refusal:
    """Say that a limit would have to be set which the calendar cannot count out."""
    text = Bilingual("The working calendar does not reach far enough to set a limit.", "工作日历不足以计算时限。")
    return build_refusal(state, "calendar_ended", text)


def unknown_case(case_id: str) -> Refusal:
    """Say that there is no such case."""
    return Refusal(
        code="unknown_case", field="case_id", message=f"There is no case {case_id}.", message_zh=f"没有案件 {case_id}。"
    )


def unknown_city(city: str) -> Refusal:
    """Say that a report was brought to another city's decisions."""
    return Refusal(
        code="unknown_city", field="city", message=f"{city} is not decided here.", message_zh=f"此处不受理 {city}。"
    )


def _role_refusal(state: CaseState, request: ActionRequested) -> Refusal | None:
    kind, actor = request.action.kind, request.actor
    if kind not in SUPPORTED:
        return not_supported_yet(state, kind)
    if kind == "inspect" and actor.kind != "importer" and actor.id == state.department:
        text = Bilingual("Who did the work may not inspect it.", "处置单位不得核查自己的处置。")
        return build_refusal(state, "doer_may_not_inspect", text, "actor")
    if not role_may(actor, kind):
        text = Bilingual(f"{actor.kind} is no role that may {kind}.", f"角色 {actor.kind} 无权进行此操作。")
        return build_refusal(state, "not_your_role", text, "actor")
    if actor.kind == "department" and actor.id != state.department:
        return build_refusal(
            state, "not_your_order", Bilingual("The order is not yours.", "该派单不属于贵单位。"), "actor"
        )
    return None


def _state_refusal(state: CaseState, request: ActionRequested) -> Refusal | None:
    action = request.action
    if action.kind not in ALLOWED_ACTIONS[state.status]:
        text = Bilingual(f"The action {action.kind} is not allowed now.", "当前状态下不可进行此操作。")
        return build_refusal(state, "not_allowed_in_state", text, "action.kind")
    ends_case = isinstance(action, Void) or (isinstance(action, Verify) and not action.verified)
    if ends_case and request.of_report not in (None, state.opened_by):
        text = Bilingual(
            "The report joined a case that another one opened, which goes on.",
            "该上报已并入他人上报的案件，案件继续办理。",
        )
        return build_refusal(state, "merged_report", text, "of_report")
    return None


def _missing_reason_refusal(state: CaseState, action: Action) -> Refusal | None:
    match action:
        case Assign(reason=reason) | Redispatch(reason=reason) | Return(reason=reason) | Void(reason=reason):
            is_missing = not reason.strip()
        case Verify(verified=False, reason=reason):
            is_missing = not reason.strip()
        case _:
            is_missing = False
    text = Bilingual("A reason is needed.", "须填写理由。")
    return build_refusal(state, "reason_missing", text, "action.reason") if is_missing else None
