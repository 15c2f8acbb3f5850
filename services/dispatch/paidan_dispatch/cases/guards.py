"""Why an action is refused, in words for its sender: each names the state of the case and what is allowed in it."""

from paidan_contracts.actions import Action, ActionRequested, Assign, Redispatch, Return, Verify, Void
from paidan_contracts.outcomes import RefusalCode, Why
from paidan_contracts.state import CaseState
from paidan_dispatch.cases.bilingual import Words
from paidan_dispatch.cases.table import (
    ALLOWED,
    SUPPORTED,
    may,
    what_is_allowed,
)


def why(state: CaseState, code: RefusalCode, words: Words, field: str | None = None) -> Why:
    """Put a refusal into words; it ends with the state and what is allowed in it."""
    allowed = what_is_allowed(state.status)
    return Why(code=code, field=field, message=f"{words.en} {allowed.en}", message_zh=f"{words.zh}{allowed.zh}")


def objection(state: CaseState, request: ActionRequested) -> Why | None:
    """Find what stands against an action, whatever it says in detail: who asks, of which case, in which state."""
    return _of_role(state, request) or _of_state(state, request) or _of_reason(state, request.action)


def not_supported_yet(state: CaseState, kind: str) -> Why:
    """Say that an action has a name here but no effect yet."""
    words = Words(f"The action {kind} is not supported yet.", f"尚不支持操作 {kind}。")
    return why(state, "not_supported_yet", words, "action.kind")


def calendar_ended(state: CaseState) -> Why:
    """Say that a limit would have to be set which the calendar cannot count out."""
    words = Words("The working calendar does not reach far enough to set a limit.", "工作日历不足以计算时限。")
    return why(state, "calendar_ended", words)


def unknown_case(case_id: str) -> Why:
    """Say that there is no such case."""
    return Why(
        code="unknown_case", field="case_id", message=f"There is no case {case_id}.", message_zh=f"没有案件 {case_id}。"
    )


def unknown_city(city: str) -> Why:
    """Say that a report was brought to another city's decisions."""
    return Why(
        code="unknown_city", field="city", message=f"{city} is not decided here.", message_zh=f"此处不受理 {city}。"
    )


def _of_role(state: CaseState, request: ActionRequested) -> Why | None:
    kind, actor = request.action.kind, request.actor
    if kind not in SUPPORTED:
        return not_supported_yet(state, kind)
    if kind == "inspect" and actor.kind != "importer" and actor.id == state.department:
        words = Words("Who did the work may not inspect it.", "处置单位不得核查自己的处置。")
        return why(state, "doer_may_not_inspect", words, "actor")
    if not may(actor, kind):
        words = Words(f"{actor.kind} is no role that may {kind}.", f"角色 {actor.kind} 无权进行此操作。")
        return why(state, "not_your_role", words, "actor")
    if actor.kind == "department" and actor.id != state.department:
        return why(state, "not_your_order", Words("The order is not yours.", "该派单不属于贵单位。"), "actor")
    return None


def _of_state(state: CaseState, request: ActionRequested) -> Why | None:
    action = request.action
    if action.kind not in ALLOWED[state.status]:
        words = Words(f"The action {action.kind} is not allowed now.", "当前状态下不可进行此操作。")
        return why(state, "not_allowed_in_state", words, "action.kind")
    ends = isinstance(action, Void) or (isinstance(action, Verify) and not action.verified)
    if ends and request.of_report not in (None, state.opened_by):
        words = Words(
            "The report joined a case that another one opened, which goes on.",
            "该上报已并入他人上报的案件，案件继续办理。",
        )
        return why(state, "merged_report", words, "of_report")
    return None


def _of_reason(state: CaseState, action: Action) -> Why | None:
    match action:
        case Assign(reason=reason) | Redispatch(reason=reason) | Return(reason=reason) | Void(reason=reason):
            missing = not reason.strip()
        case Verify(verified=False, reason=reason):
            missing = not reason.strip()
        case _:
            missing = False
    words = Words("A reason is needed.", "须填写理由。")
    return why(state, "reason_missing", words, "action.reason") if missing else None
